-- ticket_claim.take
UPDATE ticket
SET state = 'running', epoch = ?2, worker = ?3, due_at = ?4, in_doubt = ?5, cli = ?6
WHERE id = ?1
