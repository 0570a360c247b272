-- ticket_move.find
SELECT state, kind, cli, subjects FROM ticket WHERE id = $1
