-- ticket_open.remembered
SELECT asked.place, idempotency.fingerprint, idempotency.ticket_id
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
  WITH ORDINALITY AS asked (user_id, method, key, at, place)
JOIN idempotency ON idempotency.user_id = ANY (ARRAY[asked.user_id])
  AND idempotency.method = ANY (ARRAY[asked.method]) AND idempotency.key = ANY (ARRAY[asked.key])
  AND idempotency.expires_at + 0 > asked.at
