-- service_find.iccid
-- ?1 user, ?2 code, ?3 cli, ?4 iccid, ?5 whether the IMSI is asked for. CROSS JOIN keeps the order: the service by its index
-- first, then the grant.
SELECT service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.reporting_group, CASE WHEN ?5 THEN (SELECT imsi FROM sim WHERE iccid = service.iccid) END
FROM service
CROSS JOIN user_customer ON user_customer.user_id = ?1 AND user_customer.customer = service.customer
WHERE service.iccid = ?4
ORDER BY service.status IN ('A', 'B') DESC, service.code DESC
LIMIT 1
