-- service_find.iccid
-- $1 user, $2 code, $3 cli, $4 iccid; those that were not given are null. After the service: what a change is decided on.
SELECT service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version, subject_lock.ticket_id
FROM service
JOIN user_customer ON user_customer.user_id = $1 AND user_customer.customer = ANY (ARRAY[service.customer])
JOIN sim ON sim.iccid = ANY (ARRAY[service.iccid])
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY['sim:' || service.iccid])
WHERE service.iccid = $4 AND ($2::bigint IS NULL OR service.code = $2) AND ($3::text IS NULL OR service.cli = $3)
ORDER BY service.status IN ('A', 'B') DESC, service.code DESC
LIMIT 1
