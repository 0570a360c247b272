-- facts.remembered
-- The database's clock: a question carries no time of its own.
SELECT asked.place, idempotency.fingerprint, idempotency.ticket_id
FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (user_id, method, key, place)
JOIN idempotency ON idempotency.user_id = ANY (ARRAY[asked.user_id])
  AND idempotency.method = ANY (ARRAY[asked.method]) AND idempotency.key = ANY (ARRAY[asked.key])
  AND idempotency.expires_at + 0 > now_ms()
