-- ticket_claim.number_free
-- Those of the numbers that were never given and are not taken: a SIM's own, or on a live service.
SELECT asked.msisdn
FROM unnest($1::text[]) WITH ORDINALITY AS asked (msisdn, place)
WHERE (SELECT TRUE FROM number WHERE number.msisdn = asked.msisdn) IS NULL
  AND (SELECT TRUE FROM sim WHERE sim.msisdn = asked.msisdn) IS NULL
  AND (SELECT TRUE FROM service WHERE cli = asked.msisdn AND (CASE WHEN status IN ('A', 'B') THEN 0 ELSE code END) = 0) IS NULL
ORDER BY asked.place
