-- portal_set.mailbox
INSERT INTO mailbox
  (tenant, par_cust_id, kind, address, address_key, forward, keep_copy, quota_bytes, kept_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
