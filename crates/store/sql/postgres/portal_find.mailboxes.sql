-- portal_find.mailboxes
SELECT address, kind, forward, keep_copy, quota_bytes, kept_until
FROM mailbox
WHERE tenant = $1 AND par_cust_id = $2
ORDER BY kind DESC, address -- the primary one first
