-- ticket_settle.ticket
-- A postponed one is due at its time by the caller's clock, or, where the database's clock counts, so long from now. An
-- attempt that does not count leaves what was accepted and reported as it is. A ticket that was accepted now and
-- reported on in the meantime is due at once.
UPDATE ticket
SET state = new.state, finished_at = new.finished_at,
  due_at = CASE
    WHEN new.accepted IS NOT NULL AND report_epoch = epoch THEN CASE WHEN $11 THEN now_ms() ELSE $13 END
    WHEN new.due IS NULL THEN due_at
    WHEN $11 THEN now_ms() + new.due
    ELSE new.due
  END,
  worker = NULL, service = new.service, cli = new.cli, attempts = attempts + new.counts, in_doubt = new.in_doubt,
  failure_kind = new.failure_kind, failure_reason = new.failure_reason,
  accepted = CASE WHEN new.state = 'pending' AND new.counts = 0 THEN coalesce(new.accepted, ticket.accepted) END,
  report = CASE
    WHEN report_epoch = epoch OR (new.accepted IS NULL AND new.state = 'pending' AND new.counts = 0) THEN report
  END,
  report_epoch = CASE
    WHEN report_epoch = epoch OR (new.accepted IS NULL AND new.state = 'pending' AND new.counts = 0) THEN report_epoch
  END
FROM unnest(
  $1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::boolean[],
  $9::text[], $10::text[], $12::text[]
) AS new (id, state, finished_at, due, service, cli, counts, in_doubt, failure_kind, failure_reason, accepted)
WHERE ticket.id = new.id
