-- catalogue_read.contract
SELECT code, name FROM contract WHERE customer = ?1 ORDER BY code
