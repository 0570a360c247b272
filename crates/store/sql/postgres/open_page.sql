-- open_page
SELECT
  ticket.id, ticket.state, ticket.kind, ticket.customer, ticket.network, ticket.service, ticket.cli, ticket.iccid,
  ticket.par_cust_id, ticket.raised_at, ticket.finished_at, ticket.epoch, ticket.due_at, ticket.failure_kind,
  ticket.failure_reason, ticket.raised_by,
  ticket.order_json,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars
FROM ticket
JOIN sim ON sim.iccid = ANY (ARRAY[ticket.iccid])
LEFT JOIN service ON service.code = ANY (ARRAY[ticket.service])
WHERE ticket.id IN (SELECT id FROM ticket_queue) AND ticket.id > $1
ORDER BY ticket.id
LIMIT $2
