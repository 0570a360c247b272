-- user_id
SELECT id FROM app_user WHERE username = $1
