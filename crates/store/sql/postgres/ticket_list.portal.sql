-- ticket_list.portal
-- by portal customer: its index. $1 states, $2 customer, $3 network, $4 iccid, $5 below, $6 tenant, $7 portal customer, $8 limit.
SELECT
  ticket.id, ticket.state, ticket.kind, ticket.customer, ticket.network, ticket.service, ticket.cli, ticket.iccid,
  ticket.par_cust_id, ticket.raised_at, ticket.finished_at, ticket.epoch, ticket.due_at, ticket.failure_kind,
  ticket.failure_reason, ticket.raised_by
FROM ticket
WHERE ticket.customer = $6 AND ticket.par_cust_id = $7
  AND ($1::text[] IS NULL OR ticket.state = ANY ($1))
  AND ($2::text IS NULL OR ticket.customer = $2)
  AND ($3::text IS NULL OR ticket.network = $3)
  AND ($4::text IS NULL OR ticket.iccid = $4)
  AND -ticket.id > -$5::bigint
ORDER BY -ticket.id
LIMIT $8
