-- queue_stats
-- Every open ticket holds a lock, and only they do.
SELECT ticket.network, ticket.kind, ticket.state, count(*), min(ticket.raised_at)
FROM (SELECT DISTINCT ticket_id FROM subject_lock) AS held
JOIN ticket ON ticket.id = held.ticket_id
GROUP BY ticket.network, ticket.kind, ticket.state
ORDER BY ticket.network, ticket.kind, ticket.state
