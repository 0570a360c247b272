-- queue_stats
SELECT record.network, record.kind, queue.state, count(*), min(record.raised_at)
FROM ticket_queue AS queue
JOIN ticket_record AS record ON record.id = ANY (ARRAY[queue.id])
GROUP BY record.network, record.kind, queue.state
ORDER BY record.network, record.kind, queue.state
