-- portal_auth
SELECT enabled, own_password, sessions, version, secret, secret_form
FROM portal_customer
WHERE tenant = $1 AND par_cust_id = $2
