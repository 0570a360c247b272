-- ticket_open.lock
-- The primary key decides. In order: two batches that want the same subjects do not wait for each other. $2: the places of
-- the tickets' numbers.
INSERT INTO subject_lock (subject, ticket_id)
SELECT subject, (SELECT string_to_array(current_setting('provisor.numbers'), ' ')::bigint[])[place]
FROM unnest($1::text[], $2::bigint[]) AS asked (subject, place) ORDER BY subject
ON CONFLICT (subject) DO NOTHING
RETURNING subject
