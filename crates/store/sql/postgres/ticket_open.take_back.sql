-- ticket_open.take_back
-- What a ticket that lost a race has taken already.
WITH unlocked AS (DELETE FROM subject_lock WHERE subject = ANY ($1) AND ticket_id = ANY ($2))
DELETE FROM idempotency
USING unnest($3::bigint[], $4::text[], $5::text[]) AS taken (user_id, method, key)
WHERE idempotency.user_id = ANY (ARRAY[taken.user_id]) AND idempotency.method = ANY (ARRAY[taken.method])
  AND idempotency.key = ANY (ARRAY[taken.key]) AND idempotency.ticket_id = ANY ($2)
