-- ticket_settle.ended
DELETE FROM ticket_queue WHERE id = ANY ($1)
