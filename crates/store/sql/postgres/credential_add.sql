-- credential_add
INSERT INTO credential (user_id, digest, label, usable_for, networks, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
