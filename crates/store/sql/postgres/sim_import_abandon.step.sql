-- sim_import_abandon.step
-- The end of the next stretch of SIMs after $1.
SELECT max(iccid) FROM (SELECT iccid FROM sim WHERE iccid > $1 ORDER BY iccid LIMIT $2) AS stretch
