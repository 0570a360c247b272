-- catalogue_write.sim_add
INSERT INTO sim (iccid, imsi, msisdn, customer, network, state) VALUES ($1, $2, $3, $4, $5, $6)
