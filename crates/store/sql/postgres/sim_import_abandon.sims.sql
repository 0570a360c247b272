-- sim_import_abandon.sims
DELETE FROM sim WHERE iccid > $1 AND iccid <= $2 AND import_id = $3
