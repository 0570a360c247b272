-- catalogue_read.contract
SELECT customer, code, name FROM contract ORDER BY code
