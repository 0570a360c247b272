-- catalogue_read.user_customer
SELECT user_id, customer FROM user_customer ORDER BY customer
