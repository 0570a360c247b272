-- ticket_settle.lease
-- The tickets whose leases still hold, in order, and where their services stand; at the end: the connect's number, if it
-- is reserved from a range. Whoever else settles or claims one of them waits.
SELECT ticket.id, ticket.epoch,
  ticket.kind, ticket.iccid, ticket.network, ticket.cli, ticket.in_doubt, ticket.service, ticket.subjects,
  ticket.customer, ticket.par_cust_id, service.status, service.iccid, service.cli,
  EXISTS (SELECT 1 FROM number WHERE number.msisdn = ticket.cli AND number.state = 'used')
FROM ticket
LEFT JOIN service ON service.code = ticket.service
WHERE ticket.id = ANY ($1) AND ticket.state = 'running'
ORDER BY ticket.id
FOR UPDATE OF ticket
