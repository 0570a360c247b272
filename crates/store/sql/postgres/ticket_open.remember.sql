-- ticket_open.remember
-- What is replaced has expired: a key that has not keeps its ticket, and this one is not answered. In order, so that two
-- batches do not wait for each other. $5: the places of the tickets' numbers.
INSERT INTO idempotency (user_id, method, key, fingerprint, ticket_id, expires_at)
SELECT user_id, method, key, fingerprint,
  (SELECT string_to_array(current_setting('provisor.numbers'), ' ')::bigint[])[place], expires_at
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::bigint[])
  AS asked (user_id, method, key, fingerprint, place, expires_at)
ORDER BY user_id, method COLLATE "C", key COLLATE "C"
ON CONFLICT (user_id, method, key) DO UPDATE SET
  fingerprint = excluded.fingerprint,
  ticket_id = excluded.ticket_id,
  expires_at = excluded.expires_at
WHERE idempotency.expires_at <= excluded.expires_at - $7
RETURNING ticket_id
