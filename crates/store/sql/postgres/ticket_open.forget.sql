-- ticket_open.forget
-- A few expired keys for every new one, so that the table does not grow and no write has to clean up much.
DELETE FROM idempotency
WHERE (user_id, method, key) IN (
  SELECT user_id, method, key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
  FOR UPDATE SKIP LOCKED
)
