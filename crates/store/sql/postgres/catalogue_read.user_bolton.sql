-- catalogue_read.user_bolton
SELECT user_id, bolton FROM user_bolton ORDER BY bolton
