-- portal_touch
-- The customer of a ticket that ended without effect. Whatever a mail system was told meanwhile is older than this.
UPDATE portal_customer
SET version = version + 1
WHERE (tenant, par_cust_id) = (SELECT customer, par_cust_id FROM ticket WHERE id = ?1)
