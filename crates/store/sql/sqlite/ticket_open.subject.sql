-- ticket_open.subject
-- Both may be absent: a subject that nobody holds, a SIM that does not exist (any more).
SELECT
  (SELECT ticket_id FROM subject_lock WHERE subject = ?1),
  (SELECT version FROM landed_sim WHERE iccid = ?2)
