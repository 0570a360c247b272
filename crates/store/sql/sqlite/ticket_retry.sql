-- ticket_retry
-- What is unknown gets a new round of attempts, and stays in doubt until the network was read.
UPDATE ticket
SET attempts = CASE WHEN state = 'unknown' THEN 0 ELSE attempts END,
  in_doubt = max(in_doubt, state = 'unknown'), due_at = ?2, state = 'pending'
WHERE id = ?1
