-- ticket_retry
-- What is unknown gets a new round of attempts; it stays in doubt, as it was when it became unknown.
UPDATE ticket_queue
SET attempts = CASE WHEN state = 'unknown' THEN 0 ELSE attempts END, due_at = coalesce($2, now_ms()), state = 'pending'
WHERE id = $1
