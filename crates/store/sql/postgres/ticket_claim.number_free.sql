-- ticket_claim.number_free
-- Those of the numbers that were never given and are not taken: a SIM's own, or on a live service.
SELECT asked.msisdn
FROM unnest($1::text[]) WITH ORDINALITY AS asked (msisdn, place)
WHERE NOT EXISTS (SELECT 1 FROM number WHERE number.msisdn = ANY (ARRAY[asked.msisdn]))
  AND NOT EXISTS (SELECT 1 FROM sim WHERE sim.msisdn = ANY (ARRAY[asked.msisdn]))
  AND NOT EXISTS (SELECT 1 FROM service WHERE service.cli = ANY (ARRAY[asked.msisdn]) 
    AND (CASE WHEN service.status IN ('A', 'B') THEN 0 ELSE service.code END) = 0)
ORDER BY asked.place
