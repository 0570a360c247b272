-- ticket_cancel
WITH gone AS (DELETE FROM ticket_queue WHERE id = $1 RETURNING epoch, due_at)
UPDATE ticket_record
SET state = 'cancelled', finished_at = $2, cli = $3, failure_kind = $4, failure_reason = $5, epoch = gone.epoch,
  due_at = gone.due_at
FROM gone
WHERE id = $1
