-- catalogue_read.user_bar
SELECT bar FROM user_bar WHERE user_id = ?1 ORDER BY bar
