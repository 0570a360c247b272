-- ticket_settle.forget
DELETE FROM ticket_secret WHERE ticket_id = ANY ($1)
