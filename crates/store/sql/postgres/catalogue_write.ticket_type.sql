-- catalogue_write.ticket_type
INSERT INTO ticket_type (code, name, needs_file) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, needs_file = excluded.needs_file
