-- sim_import_abandon.keys
DELETE FROM sim_key
WHERE iccid > $1 AND iccid <= $2
  AND EXISTS (SELECT 1 FROM sim WHERE sim.iccid = sim_key.iccid AND sim.import_id = $3)
