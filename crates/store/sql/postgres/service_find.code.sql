-- service_find.code
-- $1 users, $2 codes, $3 clis, $4 iccids, $5 whether the IMSI is asked for: a question each; what was not given is null.
-- After the question's place: the service.
SELECT asked.place, service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.reporting_group, CASE WHEN asked.imsi THEN (SELECT imsi FROM sim WHERE iccid = service.iccid) END
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::boolean[])
  WITH ORDINALITY AS asked (user_id, code, cli, iccid, imsi, place)
JOIN service ON service.code = ANY (ARRAY[asked.code])
WHERE (SELECT TRUE FROM user_customer WHERE user_id = asked.user_id AND customer = service.customer)
  AND (asked.cli IS NULL OR service.cli = asked.cli) AND (asked.iccid IS NULL OR service.iccid = asked.iccid)
