-- catalogue_read.user_customer
SELECT customer FROM user_customer WHERE user_id = ?1 ORDER BY customer
