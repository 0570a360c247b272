-- portal_find.taken
-- Whether an address belongs to another customer than this one.
SELECT EXISTS (SELECT 1 FROM mailbox WHERE address_key = $1 AND (tenant, par_cust_id) <> ($2, $3))
