-- catalogue_read.user
SELECT id, kind, reporting_group, service, tenant, username, password_hash FROM app_user ORDER BY username
