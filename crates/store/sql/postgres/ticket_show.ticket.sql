-- ticket_show.ticket
SELECT
  ticket.id, ticket.state, ticket.kind, ticket.customer, ticket.network, ticket.service, ticket.cli, ticket.iccid,
  ticket.par_cust_id, ticket.raised_at, ticket.finished_at, ticket.epoch, ticket.due_at, ticket.failure_kind,
  ticket.failure_reason, ticket.raised_by,
  ticket.order_json
FROM ticket
WHERE ticket.id = $1
