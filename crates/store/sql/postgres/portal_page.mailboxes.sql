-- portal_page.mailboxes
-- The mailboxes of those on the page.
SELECT tenant, par_cust_id, address, kind, forward, keep_copy, quota_bytes, kept_until
FROM mailbox
JOIN (
  SELECT tenant, par_cust_id
  FROM portal_customer
  WHERE (tenant, par_cust_id) > ($1, $2)
  ORDER BY tenant, par_cust_id
  LIMIT $3
) AS page USING (tenant, par_cust_id)
ORDER BY tenant, par_cust_id, kind DESC, address -- the primary one first
