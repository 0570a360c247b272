-- user_auth
SELECT id, kind, reporting_group, service, password_hash, locked FROM app_user WHERE username = ?1
