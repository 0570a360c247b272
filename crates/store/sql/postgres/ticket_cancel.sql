-- ticket_cancel
UPDATE ticket
SET state = 'cancelled', finished_at = $2, cli = $3, failure_kind = $4, failure_reason = $5
WHERE id = $1
