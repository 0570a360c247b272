-- ticket_claim.due
-- The next due tickets of one customer, each with the books of its SIM and its keys, sealed; those of a portal customer are read apart.
-- A running ticket is due when its lease has run out.
SELECT
  ticket.id, ticket.state, ticket.kind, ticket.order_json, ticket.epoch, ticket.attempts, ticket.in_doubt,
  ticket.raised_at, ticket.cli, ticket.par_cust_id,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  sim_key.ki_sealed, sim_key.opc_sealed,
  ticket.accepted, ticket.report
FROM ticket
LEFT JOIN sim ON sim.iccid = ticket.iccid
LEFT JOIN sim_key ON sim_key.iccid = ticket.iccid
LEFT JOIN service ON service.code = ticket.service
WHERE ticket.network = ?1 AND ticket.customer = ?2 AND ticket.state IN ('pending', 'running')
  AND ticket.due_at <= ?3
ORDER BY ticket.due_at, ticket.id
LIMIT ?4
