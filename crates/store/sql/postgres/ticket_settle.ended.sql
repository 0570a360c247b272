-- ticket_settle.ended
-- Of tickets that end: takes those out of the queue whose leases still hold; what is answered is as in ticket_settle.lease.
WITH queue AS (
  DELETE FROM ticket_queue
  WHERE id = ANY ($1) AND worker IS NOT NULL -- running
    AND ((id, epoch) IN (SELECT * FROM unnest($1, $2::bigint[]))) IS TRUE -- looked up, not joined
  RETURNING *
)
SELECT queue.id, queue.epoch,
  record.kind, record.iccid, record.network, queue.cli, queue.in_doubt, record.service, queue.subjects,
  record.customer, record.par_cust_id, service.status, service.iccid, service.cli,
  EXISTS (SELECT 1 FROM number WHERE number.msisdn = queue.cli AND number.state = 'used'), queue.due_at
FROM queue
JOIN ticket_record AS record ON record.id = ANY (ARRAY[queue.id])
LEFT JOIN service ON service.code = ANY (ARRAY[record.service])
