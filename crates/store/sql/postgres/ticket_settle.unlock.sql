-- ticket_settle.unlock
DELETE FROM subject_lock
USING unnest($1::text[], $2::bigint[]) AS held (subject, ticket_id)
WHERE subject_lock.subject = ANY (ARRAY[held.subject]) AND subject_lock.ticket_id = held.ticket_id
