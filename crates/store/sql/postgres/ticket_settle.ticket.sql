-- ticket_settle.ticket
-- A postponed one is due at its time by the caller's clock, or, where the database's clock counts, so long from now.
UPDATE ticket
SET state = new.state, finished_at = new.finished_at,
  due_at = CASE WHEN new.due IS NULL THEN due_at WHEN $11 THEN now_ms() + new.due ELSE new.due END,
  worker = NULL, service = new.service, cli = new.cli, attempts = attempts + new.counts, in_doubt = new.in_doubt,
  failure_kind = new.failure_kind, failure_reason = new.failure_reason
FROM unnest(
  $1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::boolean[],
  $9::text[], $10::text[]
) AS new (id, state, finished_at, due, service, cli, counts, in_doubt, failure_kind, failure_reason)
WHERE ticket.id = new.id
