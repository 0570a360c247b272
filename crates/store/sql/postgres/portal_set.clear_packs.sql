-- portal_set.clear_packs
DELETE FROM portal_pack WHERE tenant = $1 AND par_cust_id = $2
