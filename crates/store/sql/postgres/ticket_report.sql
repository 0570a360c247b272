-- ticket_report
-- The first report of the newest attempt. A running ticket's lease is not shortened: its settlement sees the report.
UPDATE ticket_queue
SET report_epoch = $2, report = $3,
  due_at = CASE state WHEN 'pending' THEN least(due_at, coalesce($4, now_ms())) ELSE due_at END
WHERE id = $1 AND epoch = $2 AND state <> 'unknown' AND coalesce(report_epoch, 0) < $2
RETURNING network
