-- drift_repaired
UPDATE drift SET ticket_id = $3, repairs = repairs + 1 WHERE network = $1 AND iccid = $2
