-- catalogue_read.ticket_type
SELECT code, name, needs_file FROM ticket_type ORDER BY code
