-- ticket_settle.ticket
-- How they ended.
INSERT INTO ticket_end
  (id, state, network, finished_at, due_at, epoch, service, cli, subjects, failure_kind, failure_reason)
SELECT id, state, network, finished_at, due_at, epoch, service, cli, string_to_array(subjects, ' '), failure_kind,
  failure_reason
FROM unnest(
  $1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[],
  $10::text[], $11::text[]
) AS new (id, state, network, finished_at, due_at, epoch, service, cli, subjects, failure_kind, failure_reason)
