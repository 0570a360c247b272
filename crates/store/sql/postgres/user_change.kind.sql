-- user_change.kind
UPDATE app_user SET kind = $2, reporting_group = $3, service = $4, tenant = $5 WHERE id = $1
