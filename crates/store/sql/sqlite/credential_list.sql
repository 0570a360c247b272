-- credential_list
-- ?2 below, ?3 limit.
SELECT id, label, usable_for, networks, created_at, expires_at, revoked_at
FROM credential
WHERE user_id = ?1 AND id < ?2
ORDER BY id DESC
LIMIT ?3
