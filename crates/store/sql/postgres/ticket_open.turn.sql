-- ticket_open.turn
-- Held until the transaction has ended, however it ends: who takes it after that sees what came of it.
SELECT pg_advisory_xact_lock($1)
