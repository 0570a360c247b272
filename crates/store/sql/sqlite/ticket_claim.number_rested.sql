-- ticket_claim.number_rested
-- The number of the range that has been free for longest, after (?5, ?6) for those that were looked at before.
SELECT msisdn, free_at
FROM number
WHERE network = ?1 AND state = 'quarantined' AND free_at <= ?2 AND (free_at, msisdn) > (?5, ?6)
  AND length(msisdn) = length(?3) AND msisdn BETWEEN ?3 AND ?4
ORDER BY free_at, msisdn
LIMIT 1
