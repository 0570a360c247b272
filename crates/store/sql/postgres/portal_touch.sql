-- portal_touch
-- The customers of tickets that ended without effect. Whatever a mail system was told meanwhile is older than this.
UPDATE portal_customer
SET version = version + 1
WHERE (tenant, par_cust_id) IN (SELECT customer, par_cust_id FROM ticket WHERE id = ANY ($1))
