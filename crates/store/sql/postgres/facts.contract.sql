-- facts.contract
SELECT contract.customer
FROM contract
JOIN user_customer ON user_customer.user_id = $1 AND user_customer.customer = ANY (ARRAY[contract.customer])
WHERE contract.code = $2
