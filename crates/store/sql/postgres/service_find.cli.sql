-- service_find.cli
-- $1 users, $2 codes, $3 clis, $4 iccids, $5 whether the IMSI is asked for: a question each; what was not given is null.
-- After the question's place: the live service, of which there is one at most. Who finds none asks for those that were
-- (facts.service_cli): what sorts them would cost the others a third. So would the SIM.
SELECT asked.place, service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.reporting_group, CASE WHEN asked.imsi THEN (SELECT imsi FROM sim WHERE iccid = service.iccid) END
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::boolean[])
  WITH ORDINALITY AS asked (user_id, code, cli, iccid, imsi, place)
JOIN service ON service.cli = ANY (ARRAY[asked.cli])
  AND (CASE WHEN service.status IN ('A', 'B') THEN 0 ELSE service.code END) + 0 = 0 -- no index for all that are live
WHERE (SELECT TRUE FROM user_customer WHERE user_id = asked.user_id AND customer = service.customer)
  AND (asked.code IS NULL OR service.code = asked.code) AND (asked.iccid IS NULL OR service.iccid = asked.iccid)
