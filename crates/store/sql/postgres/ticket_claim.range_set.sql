-- ticket_claim.range_set
UPDATE network SET range_next = $2 WHERE code = $1
