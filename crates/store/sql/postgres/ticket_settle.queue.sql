-- ticket_settle.queue
-- Those that stay open. A postponed one is due at its time by the caller's clock, or, where the database's clock counts,
-- so long from now. An attempt that does not count leaves what was accepted and reported as it is. A ticket that was
-- accepted now and reported on in the meantime is due at once.
UPDATE ticket_queue
SET state = new.state, worker = NULL,
  due_at = CASE
    WHEN new.accepted IS NOT NULL AND report_epoch = epoch THEN CASE WHEN $8 THEN now_ms() ELSE $10 END
    WHEN new.due IS NULL THEN due_at
    WHEN $8 THEN now_ms() + new.due
    ELSE new.due
  END,
  attempts = attempts + new.counts, in_doubt = new.in_doubt, failure_kind = new.failure_kind,
  failure_reason = new.failure_reason,
  accepted = CASE WHEN new.state = 'pending' AND new.counts = 0 THEN coalesce(new.accepted, ticket_queue.accepted) END,
  report = CASE
    WHEN report_epoch = epoch OR (new.accepted IS NULL AND new.state = 'pending' AND new.counts = 0) THEN report
  END,
  report_epoch = CASE
    WHEN report_epoch = epoch OR (new.accepted IS NULL AND new.state = 'pending' AND new.counts = 0) THEN report_epoch
  END
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::boolean[], $6::text[], $7::text[], $9::text[])
  AS new (id, state, due, counts, in_doubt, failure_kind, failure_reason, accepted)
WHERE ticket_queue.id = ANY (ARRAY[new.id])
