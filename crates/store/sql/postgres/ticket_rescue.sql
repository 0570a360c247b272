-- ticket_rescue
UPDATE ticket
SET state = 'pending', worker = NULL, due_at = coalesce($3, now_ms()), in_doubt = TRUE
WHERE network = $1 AND state IN ('pending', 'running') AND state = 'running' AND worker <> $2
