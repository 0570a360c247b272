-- adopt_begin.alone
-- Waits for the claims that are under way (see ticket_claim.adopting); those that come wait for the end of this transaction.
SELECT pg_advisory_xact_lock(1886547830, 1)
