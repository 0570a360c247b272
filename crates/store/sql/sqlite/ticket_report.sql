-- ticket_report
-- The first report of the newest attempt. A running ticket's lease is not shortened: its settlement sees the report.
UPDATE ticket
SET report_epoch = ?2, report = ?3, due_at = CASE state WHEN 'pending' THEN min(due_at, ?4) ELSE due_at END
WHERE id = ?1 AND epoch = ?2 AND state IN ('pending', 'running') AND coalesce(report_epoch, 0) < ?2
