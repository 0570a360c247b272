-- contract_count
UPDATE contract SET active_services = active_services + $2 WHERE code = $1
