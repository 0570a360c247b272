-- ticket_rescue
UPDATE ticket
SET state = 'pending', worker = NULL, due_at = ?3, in_doubt = 1
WHERE network = ?1 AND state IN ('pending', 'running') AND state = 'running' AND worker <> ?2
