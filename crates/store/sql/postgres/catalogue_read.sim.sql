-- catalogue_read.sim
SELECT iccid, imsi, msisdn, customer, network, state, version FROM landed_sim WHERE iccid = $1
