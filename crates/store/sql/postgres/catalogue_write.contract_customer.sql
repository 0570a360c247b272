-- catalogue_write.contract_customer
SELECT customer FROM contract WHERE code = $1
