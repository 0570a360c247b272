-- sim_touch
UPDATE sim SET version = version + 1 WHERE iccid = ANY ($1)
