-- ticket_settle.unlock
DELETE FROM subject_lock WHERE subject = ?1 AND ticket_id = ?2
