-- ticket_open.secret
INSERT INTO ticket_secret (ticket_id, phc, form)
SELECT ticket_id, phc, form FROM unnest($1::bigint[], $2::text[], $3::text[]) AS new (ticket_id, phc, form)
