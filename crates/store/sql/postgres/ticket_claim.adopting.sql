-- ticket_claim.adopting
-- An adoption that is beginning is waited for, and the next one waits for this claim (see adopt_begin.alone). Each statement of
-- a transaction sees what was committed before it: the next one sees whether it has begun. The lock's name is "prov" in ASCII,
-- 1: two numbers, which never are the one number of ticket_open.turn.
SELECT pg_advisory_xact_lock_shared(1886547830, 1)
