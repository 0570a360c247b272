-- service_close.find
-- Where the service stands, its SIM, and whether the ticket that holds its SIM is about it. Whoever else closes it waits.
SELECT service.status, service.iccid,
  EXISTS (
    SELECT 1
    FROM subject_lock
    JOIN ticket_record AS ticket ON ticket.id = ANY (ARRAY[subject_lock.ticket_id])
    WHERE subject_lock.subject = 'sim:' || service.iccid AND ticket.service = service.code
  )
FROM service
WHERE service.code = $1
FOR UPDATE
