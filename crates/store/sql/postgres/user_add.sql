-- user_add
INSERT INTO app_user (username, kind, reporting_group, service, tenant, password_hash) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (username) DO NOTHING
RETURNING id
