-- ticket_claim.range
-- Whoever else takes numbers from the range waits.
SELECT range_first, range_last, range_next
FROM network
WHERE code = $1 AND range_first IS NOT NULL
FOR NO KEY UPDATE
