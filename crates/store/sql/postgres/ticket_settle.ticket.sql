-- ticket_settle.ticket
-- How they ended. In the same page, if it has room: no index is written.
UPDATE ticket_record
SET state = new.state, finished_at = new.finished_at, due_at = new.due_at, epoch = new.epoch, service = new.service,
  cli = new.cli, failure_kind = new.failure_kind, failure_reason = new.failure_reason
FROM unnest(
  $1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[]
) AS new (id, state, finished_at, due_at, epoch, service, cli, failure_kind, failure_reason)
WHERE ticket_record.id = ANY (ARRAY[new.id])
