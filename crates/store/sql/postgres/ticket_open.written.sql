-- ticket_open.written
SELECT count(*) FROM ticket_record WHERE id = ANY ($1) AND batch = $2
