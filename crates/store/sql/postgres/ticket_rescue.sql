-- ticket_rescue
-- In the order in which settlements lock them: a late one waits and does not block.
UPDATE ticket_queue
SET state = 'pending', worker = NULL, due_at = coalesce($3, now_ms()), in_doubt = TRUE
WHERE id IN (
  SELECT id
  FROM ticket_queue
  WHERE network = $1 AND state = 'running' AND worker <> $2
  ORDER BY id
  FOR UPDATE
)
