-- facts.service_code
-- $1 users, $2 codes, $3 clis, $4 iccids: a question each; what was not given is null. After the question's place and the
-- service: what a change is decided on.
SELECT asked.place, service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version, subject_lock.ticket_id
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
  WITH ORDINALITY AS asked (user_id, code, cli, iccid, place)
JOIN service ON service.code = ANY (ARRAY[asked.code])
JOIN sim ON sim.iccid = ANY (ARRAY[service.iccid])
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY['sim:' || service.iccid])
WHERE (SELECT TRUE FROM user_customer WHERE user_id = asked.user_id AND customer = service.customer)
  AND (asked.cli IS NULL OR service.cli = asked.cli) AND (asked.iccid IS NULL OR service.iccid = asked.iccid)
