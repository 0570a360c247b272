-- check_page.live
SELECT
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  subject_lock.ticket_id
FROM service
JOIN sim ON sim.iccid = service.iccid
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY['sim:' || sim.iccid])
WHERE service.network = $1 AND service.status IN ('A', 'B') AND service.code > $2 AND service.code <= $3
ORDER BY service.code
LIMIT $4
