-- ticket_settle.ticket
UPDATE ticket
SET state = ?2, finished_at = ?3, due_at = coalesce(?4, due_at), worker = NULL, service = ?5, cli = ?6,
  attempts = attempts + ?7, in_doubt = ?8, failure_kind = ?9, failure_reason = ?10
WHERE id = ?1
