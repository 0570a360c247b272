-- sweep_claim.move
UPDATE sweep SET major = $3, minor = $4, lap_at = $5, due_at = $6 WHERE network = $1 AND walk = $2
