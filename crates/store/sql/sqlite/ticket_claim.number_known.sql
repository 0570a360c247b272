-- ticket_claim.number_known
SELECT EXISTS (SELECT 1 FROM number WHERE msisdn = ?1)
