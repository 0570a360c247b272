-- ticket_claim.range
SELECT range_first, range_last, range_next FROM network WHERE code = ?1 AND range_first IS NOT NULL
