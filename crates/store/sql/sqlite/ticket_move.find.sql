-- ticket_move.find
SELECT state, kind, cli FROM ticket WHERE id = ?1
