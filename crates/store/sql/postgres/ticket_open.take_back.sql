-- ticket_open.take_back
-- What a ticket that lost a race has taken already.
WITH unlocked AS (DELETE FROM subject_lock WHERE subject = ANY ($1) AND ticket_id = ANY ($2))
DELETE FROM idempotency WHERE ticket_id = ANY ($2) AND (user_id, method, key) IN (SELECT * FROM unnest($3::bigint[], $4::text[], $5::text[]))
