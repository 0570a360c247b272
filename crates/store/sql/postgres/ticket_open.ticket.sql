-- ticket_open.ticket
INSERT INTO ticket
  (id, state, kind, customer, network, iccid, service, cli, par_cust_id, order_json, raised_by, raised_at, due_at,
   subjects, batch)
SELECT
  id, 'pending', kind, customer, network, iccid, service, cli, par_cust_id, order_json, raised_by, raised_at,
  coalesce(due_at, now_ms()), string_to_array(subjects, ' '), $14
FROM unnest(
  $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[],
  $10::text[], $11::bigint[], $12::bigint[], $13::text[]
) AS new
  (id, kind, customer, network, iccid, service, cli, par_cust_id, order_json, raised_by, raised_at, due_at, subjects)
