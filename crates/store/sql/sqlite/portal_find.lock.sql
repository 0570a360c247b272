-- portal_find.lock
SELECT ticket_id FROM subject_lock WHERE subject = ?1
