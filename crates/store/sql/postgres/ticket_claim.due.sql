-- ticket_claim.due
-- The next due tickets of each customer, as many as he has room for, each with the books of its SIM and its keys, sealed; those of a portal
-- customer are read apart. A running ticket is due when its lease has run out. What another worker is taking is passed by.
SELECT
  queue.id, queue.state, record.kind, record.order_json, queue.epoch, queue.attempts, queue.in_doubt,
  record.raised_at, queue.cli, record.par_cust_id,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  sim_key.ki_sealed, sim_key.opc_sealed,
  asked.customer, queue.accepted, queue.report
FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS asked (customer, room, place)
CROSS JOIN LATERAL (
  SELECT *
  FROM ticket_queue
  WHERE network = $1 AND customer = asked.customer AND state IN ('pending', 'running') AND due_at <= $4
    AND id <> ALL ($5::bigint[])
  ORDER BY due_at, id + 0
  LIMIT asked.room
  FOR UPDATE SKIP LOCKED
) AS queue
JOIN ticket_record AS record ON record.id = ANY (ARRAY[queue.id])
LEFT JOIN sim ON sim.iccid = ANY (ARRAY[record.iccid])
LEFT JOIN sim_key ON sim_key.iccid = ANY (ARRAY[record.iccid])
LEFT JOIN service ON service.code = ANY (ARRAY[record.service])
ORDER BY asked.place, queue.due_at, queue.id
