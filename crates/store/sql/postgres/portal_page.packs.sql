-- portal_page.packs
-- The packs of those on the page.
SELECT tenant, par_cust_id, name, value
FROM portal_pack
JOIN (
  SELECT tenant, par_cust_id
  FROM portal_customer
  WHERE (tenant, par_cust_id) > ($1, $2)
  ORDER BY tenant, par_cust_id
  LIMIT $3
) AS page USING (tenant, par_cust_id)
ORDER BY tenant, par_cust_id, name
