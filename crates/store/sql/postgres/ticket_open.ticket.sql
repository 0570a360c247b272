-- ticket_open.ticket
INSERT INTO ticket_record
  (id, kind, customer, network, iccid, service, par_cust_id, order_json, raised_by, raised_at, batch)
SELECT id, kind, customer, network, iccid, service, par_cust_id, order_json, raised_by, raised_at, $11
FROM unnest(
  $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[],
  $10::bigint[]
) AS new (id, kind, customer, network, iccid, service, par_cust_id, order_json, raised_by, raised_at)
