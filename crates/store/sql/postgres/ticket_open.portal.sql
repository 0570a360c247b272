-- ticket_open.portal
-- Both may be absent: a subject that nobody holds, a portal customer before its first enable.
SELECT subject_lock.ticket_id, portal_customer.version
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (subject, tenant, par_cust_id, place)
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY[asked.subject])
LEFT JOIN portal_customer ON portal_customer.tenant = ANY (ARRAY[asked.tenant])
  AND portal_customer.par_cust_id = ANY (ARRAY[asked.par_cust_id])
ORDER BY asked.place
