-- sweep_claim.at
SELECT major, minor, lap_at, due_at FROM sweep WHERE network = $1 AND walk = $2 FOR UPDATE
