-- portal_request
SELECT portal_request.sequence, ticket.state, ticket.failure_reason
FROM portal_request
JOIN ticket ON ticket.id = ANY (ARRAY[portal_request.ticket_id])
WHERE portal_request.ticket_id = $1
