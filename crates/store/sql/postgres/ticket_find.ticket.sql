-- ticket_find.ticket
-- Of a SIM only: a tenant may be named like a customer. The last two: the group of its service, and whether it was raised by the user who asks.
SELECT
  ticket.id, ticket.state, ticket.kind, ticket.customer, ticket.network, ticket.service, ticket.cli, ticket.iccid,
  ticket.par_cust_id, ticket.raised_at, ticket.finished_at, ticket.epoch, ticket.due_at, ticket.failure_kind,
  ticket.failure_reason, ticket.raised_by,
  service.reporting_group, ticket.raised_by = 'user:' || app_user.username
FROM ticket
JOIN app_user ON app_user.id = $1
JOIN user_customer ON user_customer.user_id = $1 AND user_customer.customer = ANY (ARRAY[ticket.customer])
LEFT JOIN service ON service.code = ANY (ARRAY[ticket.service])
WHERE ticket.id = $2 AND ticket.par_cust_id IS NULL
