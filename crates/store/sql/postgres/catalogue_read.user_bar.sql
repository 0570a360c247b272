-- catalogue_read.user_bar
SELECT user_id, bar FROM user_bar ORDER BY bar
