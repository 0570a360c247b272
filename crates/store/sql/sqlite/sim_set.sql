-- sim_set
UPDATE sim SET state = ?2, version = version + 1 WHERE iccid = ?1
