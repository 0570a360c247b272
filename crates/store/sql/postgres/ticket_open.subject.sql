-- ticket_open.subject
-- Both may be absent: a subject that nobody holds, a SIM that does not exist (any more).
SELECT subject_lock.ticket_id, landed_sim.version
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (subject, iccid, place)
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY[asked.subject])
LEFT JOIN landed_sim ON landed_sim.iccid = ANY (ARRAY[asked.iccid])
ORDER BY asked.place
