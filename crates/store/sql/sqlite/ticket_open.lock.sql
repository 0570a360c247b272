-- ticket_open.lock
INSERT INTO subject_lock (subject, ticket_id) VALUES (?1, ?2)
