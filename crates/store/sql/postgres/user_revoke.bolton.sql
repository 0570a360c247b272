-- user_revoke.bolton
DELETE FROM user_bolton WHERE user_id = $1
