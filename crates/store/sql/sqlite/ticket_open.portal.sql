-- ticket_open.portal
-- Both may be absent: a subject that nobody holds, a portal customer before its first enable.
SELECT
  (SELECT ticket_id FROM subject_lock WHERE subject = ?1),
  (SELECT version FROM portal_customer WHERE tenant = ?2 AND par_cust_id = ?3)
