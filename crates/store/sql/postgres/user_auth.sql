-- user_auth
SELECT id, kind, reporting_group, service, tenant, password_hash, locked FROM app_user WHERE username = $1
