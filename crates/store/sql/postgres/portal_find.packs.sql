-- portal_find.packs
SELECT name, value FROM portal_pack WHERE tenant = $1 AND par_cust_id = $2 ORDER BY name
