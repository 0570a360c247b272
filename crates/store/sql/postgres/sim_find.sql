-- sim_find
SELECT iccid, imsi, msisdn, customer, network, state, version FROM sim WHERE iccid = ANY ($1)
