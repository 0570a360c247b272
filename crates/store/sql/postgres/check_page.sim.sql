-- check_page.sim
-- Each with its live service, else the newest one.
SELECT
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  subject_lock.ticket_id
FROM sim
LEFT JOIN service ON service.code = coalesce(
  (SELECT live.code FROM service AS live WHERE live.iccid = sim.iccid AND (CASE WHEN live.status IN ('A', 'B') THEN 0 ELSE live.code END) = 0),
  (SELECT max((CASE WHEN old.status IN ('A', 'B') THEN 0 ELSE old.code END)) FROM service AS old WHERE old.iccid = sim.iccid)
)
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY['sim:' || sim.iccid])
WHERE sim.iccid = ANY ($1)
ORDER BY sim.iccid
