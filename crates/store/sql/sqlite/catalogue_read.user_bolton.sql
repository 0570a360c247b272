-- catalogue_read.user_bolton
SELECT bolton FROM user_bolton WHERE user_id = ?1 ORDER BY bolton
