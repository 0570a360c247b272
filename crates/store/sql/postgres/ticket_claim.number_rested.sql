-- ticket_claim.number_rested
-- The numbers of the range that have been free for longest and are not taken since.
SELECT msisdn
FROM number
WHERE network = $1 AND state = 'quarantined' AND free_at <= $2
  AND length(msisdn) = length($3) AND msisdn BETWEEN $3 AND $4
  AND (SELECT TRUE FROM sim WHERE sim.msisdn = number.msisdn) IS NULL
  AND (SELECT TRUE FROM service WHERE cli = number.msisdn AND (CASE WHEN status IN ('A', 'B') THEN 0 ELSE code END) = 0) IS NULL
ORDER BY free_at, msisdn
LIMIT $5
