-- portal_touch
-- The customers of tickets that ended without effect. Whatever a mail system was told meanwhile is older than this.
UPDATE portal_customer
SET version = version + 1
FROM (SELECT DISTINCT customer, par_cust_id FROM ticket_record WHERE id = ANY ($1)) AS ended
WHERE portal_customer.tenant = ANY (ARRAY[ended.customer])
  AND portal_customer.par_cust_id = ANY (ARRAY[ended.par_cust_id])
