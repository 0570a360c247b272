-- ticket_open.lock
-- The primary key decides. In order: two batches that want the same subjects do not wait for each other.
INSERT INTO subject_lock (subject, ticket_id)
SELECT subject, ticket_id FROM unnest($1::text[], $2::bigint[]) AS asked (subject, ticket_id) ORDER BY subject
ON CONFLICT (subject) DO NOTHING
RETURNING subject
