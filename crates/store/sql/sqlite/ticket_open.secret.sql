-- ticket_open.secret
INSERT INTO ticket_secret (ticket_id, phc, form) VALUES (?1, ?2, ?3)
