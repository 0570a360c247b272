-- ticket_move.hold
-- While it is open, nobody else moves it until the end of this transaction.
SELECT id FROM ticket_queue WHERE id = $1 FOR UPDATE
