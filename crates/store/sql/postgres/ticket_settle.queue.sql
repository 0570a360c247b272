-- ticket_settle.queue
-- Those that stay open. A postponed one is due at its time by the caller's clock, or, where the database's clock counts,
-- so long from now.
UPDATE ticket_queue
SET state = new.state, worker = NULL,
  due_at = CASE WHEN new.due IS NULL THEN due_at WHEN $8 THEN now_ms() + new.due ELSE new.due END,
  attempts = attempts + new.counts, in_doubt = new.in_doubt, failure_kind = new.failure_kind,
  failure_reason = new.failure_reason
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::boolean[], $6::text[], $7::text[])
  AS new (id, state, due, counts, in_doubt, failure_kind, failure_reason)
WHERE ticket_queue.id = ANY (ARRAY[new.id])
