-- ticket_open.written
SELECT count(*) FROM ticket WHERE id = ANY ($1) AND batch = $2
