-- ticket_settle.ticket
-- An attempt that does not count (?7) leaves what was accepted and reported as it is. A ticket that was accepted now (?11)
-- and reported on in the meantime is due at once (?12).
UPDATE ticket
SET state = ?2, finished_at = ?3, worker = NULL, service = ?5, cli = ?6,
  due_at = CASE WHEN ?11 IS NOT NULL AND report_epoch = epoch THEN ?12 ELSE coalesce(?4, due_at) END,
  attempts = attempts + ?7, in_doubt = ?8, failure_kind = ?9, failure_reason = ?10,
  accepted = CASE WHEN ?2 = 'pending' AND ?7 = 0 THEN coalesce(?11, accepted) END,
  report = CASE WHEN report_epoch = epoch OR (?11 IS NULL AND ?2 = 'pending' AND ?7 = 0) THEN report END,
  report_epoch = CASE WHEN report_epoch = epoch OR (?11 IS NULL AND ?2 = 'pending' AND ?7 = 0) THEN report_epoch END
WHERE id = ?1
