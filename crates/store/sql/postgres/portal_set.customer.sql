-- portal_set.customer
-- $7 is 1 when its sessions end. A password that is not given stays.
INSERT INTO portal_customer (tenant, par_cust_id, enabled, own_password, secret, secret_form, sessions)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant, par_cust_id) DO UPDATE SET
  enabled = excluded.enabled,
  own_password = excluded.own_password,
  secret = coalesce(excluded.secret, portal_customer.secret),
  secret_form = coalesce(excluded.secret_form, portal_customer.secret_form),
  sessions = portal_customer.sessions + excluded.sessions,
  version = portal_customer.version + 1
