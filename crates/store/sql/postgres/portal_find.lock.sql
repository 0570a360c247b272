-- portal_find.lock
SELECT ticket_id FROM subject_lock WHERE subject = $1 AND ticket_id > 0
