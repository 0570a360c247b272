-- facts.service_cli
-- ?1 user, ?2 code, ?3 cli, ?4 iccid. CROSS JOIN keeps the order: the service by its index first, then the grant.
SELECT service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars
FROM service
CROSS JOIN user_customer ON user_customer.user_id = ?1 AND user_customer.customer = service.customer
WHERE service.cli = ?3 AND (?4 IS NULL OR service.iccid = ?4)
ORDER BY service.status IN ('A', 'B') DESC, service.code DESC
LIMIT 1
