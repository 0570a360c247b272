-- credential_auth
SELECT
  app_user.id, app_user.kind, app_user.reporting_group, app_user.service, app_user.tenant, app_user.password_hash,
  app_user.locked,
  credential.usable_for, credential.networks, credential.expires_at
FROM credential
JOIN app_user ON app_user.id = credential.user_id
WHERE credential.digest = $2 AND credential.revoked_at IS NULL AND app_user.username = $1
