-- contract_list
-- $3 limit.
SELECT contract.code, contract.name, contract.active_services
FROM contract
WHERE contract.customer = $2
  AND EXISTS (SELECT 1 FROM user_customer WHERE user_id = $1 AND customer = $2)
ORDER BY contract.code
LIMIT $3
