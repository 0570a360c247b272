-- ticket_list.iccid
-- by SIM: its index. ?1 states as JSON, ?2 customer, ?3 network, ?4 iccid,
-- ?5 below, ?6 tenant, ?7 portal customer, ?8 limit.
SELECT
  ticket.id, ticket.state, ticket.kind, ticket.customer, ticket.network, ticket.service, ticket.cli, ticket.iccid,
  ticket.par_cust_id, ticket.raised_at, ticket.finished_at, ticket.epoch, ticket.due_at, ticket.failure_kind,
  ticket.failure_reason, ticket.raised_by
FROM ticket
WHERE ticket.iccid = ?4 AND (?2 IS NULL OR ticket.customer = ?2) AND (?3 IS NULL OR ticket.network = ?3)
  AND (?1 IS NULL OR ticket.state IN (SELECT value FROM json_each(?1)))
  AND ticket.id < ?5
ORDER BY ticket.id DESC
LIMIT ?8
