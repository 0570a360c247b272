-- facts.remembered
-- The database's clock: a question carries no time of its own.
SELECT fingerprint, ticket_id
FROM idempotency
WHERE user_id = $1 AND method = $2 AND key = $3 AND expires_at > now_ms()
