-- ticket_claim.number_rested
-- The numbers of the range that have been free for longest and are not taken since.
SELECT msisdn
FROM number
WHERE network = $1 AND state = 'quarantined' AND free_at <= $2
  AND length(msisdn) = length($3) AND msisdn BETWEEN $3 AND $4
  AND NOT EXISTS (SELECT 1 FROM sim WHERE sim.msisdn = ANY (ARRAY[number.msisdn]))
  AND NOT EXISTS (SELECT 1 FROM service WHERE service.cli = ANY (ARRAY[number.msisdn]) 
    AND (CASE WHEN service.status IN ('A', 'B') THEN 0 ELSE service.code END) = 0)
ORDER BY free_at, msisdn
LIMIT $5
