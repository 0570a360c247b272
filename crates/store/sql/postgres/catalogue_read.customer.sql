-- catalogue_read.customer
SELECT number, name FROM customer ORDER BY number
