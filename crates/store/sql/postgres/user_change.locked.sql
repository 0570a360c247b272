-- user_change.locked
UPDATE app_user SET locked = $2 WHERE id = $1
