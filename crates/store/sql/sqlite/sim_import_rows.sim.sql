-- sim_import_rows.sim
INSERT INTO sim (iccid, imsi, msisdn, customer, network, state, import_id)
VALUES (?1, ?2, ?3, ?4, ?5, 'stock', ?6)
