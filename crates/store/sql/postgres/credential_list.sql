-- credential_list
SELECT id, label, usable_for, networks, created_at, expires_at, revoked_at
FROM credential
WHERE user_id = $1
ORDER BY id DESC
