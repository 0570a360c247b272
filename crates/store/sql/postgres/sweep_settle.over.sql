-- sweep_settle.over
DELETE FROM drift WHERE network = $1 AND iccid = $2
