-- user_revoke.bar
DELETE FROM user_bar WHERE user_id = $1
