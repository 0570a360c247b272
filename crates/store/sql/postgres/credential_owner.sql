-- credential_owner
SELECT app_user.username
FROM credential
JOIN app_user ON app_user.id = credential.user_id
WHERE credential.digest = $1 AND credential.revoked_at IS NULL
