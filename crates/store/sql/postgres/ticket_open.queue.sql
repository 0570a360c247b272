-- ticket_open.queue
INSERT INTO ticket_queue (id, customer, network, cli, due_at, subjects)
SELECT id, customer, network, cli, coalesce(due_at, now_ms()), string_to_array(subjects, ' ')
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
  AS new (id, customer, network, cli, due_at, subjects)
