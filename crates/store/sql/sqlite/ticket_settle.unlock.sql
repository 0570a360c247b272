-- ticket_settle.unlock
DELETE FROM subject_lock WHERE ticket_id = ?1
