-- ticket_settle.lease
-- Of tickets that stay open: those whose leases still hold, in order, and where their services stand; at the end: the
-- connect's number, if it is reserved from a range. Whoever else settles or claims one of them waits.
SELECT queue.id, queue.epoch,
  record.kind, record.iccid, record.network, queue.cli, queue.in_doubt, record.service, queue.subjects,
  record.customer, record.par_cust_id, service.status, service.iccid, service.cli,
  EXISTS (SELECT 1 FROM number WHERE number.msisdn = queue.cli AND number.state = 'used'), queue.due_at
FROM ticket_queue AS queue
JOIN ticket_record AS record ON record.id = ANY (ARRAY[queue.id])
LEFT JOIN service ON service.code = ANY (ARRAY[record.service])
WHERE queue.id = ANY ($1) AND queue.worker IS NOT NULL -- running
  AND ((queue.id, queue.epoch) IN (SELECT * FROM unnest($1, $2::bigint[]))) IS TRUE -- looked up, not joined
ORDER BY queue.id
FOR UPDATE OF queue
