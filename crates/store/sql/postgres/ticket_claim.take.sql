-- ticket_claim.take
UPDATE ticket_queue
SET state = 'running', epoch = epoch + 1, worker = $2, due_at = $3, in_doubt = taken.in_doubt, cli = taken.cli
FROM unnest($1::bigint[], $4::boolean[], $5::text[]) AS taken (id, in_doubt, cli)
WHERE ticket_queue.id = ANY (ARRAY[taken.id])
