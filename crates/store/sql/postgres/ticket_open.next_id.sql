-- ticket_open.next_id
-- Numbers of tickets and support cases.
SELECT nextval('ticket_number') FROM generate_series(1, $1::bigint)
