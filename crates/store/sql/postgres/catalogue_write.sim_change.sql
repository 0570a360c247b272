-- catalogue_write.sim_change
UPDATE sim SET imsi = $2, msisdn = $3, customer = $4, network = $5, version = version + 1 WHERE iccid = $1
