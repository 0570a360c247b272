-- ticket_type_find
SELECT needs_file FROM ticket_type WHERE code = $1
