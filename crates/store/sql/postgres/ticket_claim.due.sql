-- ticket_claim.due
-- The next due tickets of each customer, as many as he has room for, each with the books of its SIM; those of a portal
-- customer are read apart. A running ticket is due when its lease has run out. What another worker is taking is passed by.
SELECT
  ticket.id, ticket.state, ticket.kind, ticket.order_json, ticket.epoch, ticket.attempts, ticket.in_doubt,
  ticket.raised_at, ticket.cli, ticket.par_cust_id,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  asked.customer, ticket.accepted, ticket.report
FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS asked (customer, room, place)
CROSS JOIN LATERAL (
  SELECT *
  FROM ticket
  WHERE network = $1 AND customer = asked.customer AND state IN ('pending', 'running') AND due_at <= $4
    AND id <> ALL ($5::bigint[])
  ORDER BY due_at, id
  LIMIT asked.room
  FOR UPDATE SKIP LOCKED
) AS ticket
LEFT JOIN sim ON sim.iccid = ticket.iccid
LEFT JOIN service ON service.code = ticket.service
ORDER BY asked.place, ticket.due_at, ticket.id
