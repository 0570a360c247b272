-- ticket_open.remember
-- What is replaced has expired: a key that has not was answered before it came to this.
INSERT INTO idempotency (user_id, method, key, fingerprint, ticket_id, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (user_id, method, key) DO UPDATE SET
  fingerprint = excluded.fingerprint,
  ticket_id = excluded.ticket_id,
  expires_at = excluded.expires_at
