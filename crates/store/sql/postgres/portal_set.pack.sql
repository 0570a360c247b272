-- portal_set.pack
INSERT INTO portal_pack (tenant, par_cust_id, name, value) VALUES ($1, $2, $3, $4)
