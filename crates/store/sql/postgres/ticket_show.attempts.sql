-- ticket_show.attempts
SELECT epoch, began_at, ended_at, state, failure_kind, failure_reason
FROM attempt
WHERE ticket_id = $1
ORDER BY epoch
