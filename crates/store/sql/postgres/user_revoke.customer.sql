-- user_revoke.customer
DELETE FROM user_customer WHERE user_id = $1
