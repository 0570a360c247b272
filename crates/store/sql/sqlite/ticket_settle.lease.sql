-- ticket_settle.lease
-- The ticket, if this lease of it still holds, and where its service stands.
SELECT ticket.kind, ticket.iccid, ticket.network, ticket.cli, ticket.in_doubt, ticket.service, ticket.subjects,
  ticket.customer, ticket.par_cust_id, service.status, service.iccid, service.cli
FROM ticket
LEFT JOIN service ON service.code = ticket.service
WHERE ticket.id = ?1 AND ticket.epoch = ?2 AND ticket.state = 'running'
