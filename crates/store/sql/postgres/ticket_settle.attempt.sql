-- ticket_settle.attempt
INSERT INTO attempt (ticket_id, epoch, began_at, ended_at, state, failure_kind, failure_reason)
SELECT ticket_id, epoch, began_at, ended_at, state, failure_kind, failure_reason
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
  AS new (ticket_id, epoch, began_at, ended_at, state, failure_kind, failure_reason)
