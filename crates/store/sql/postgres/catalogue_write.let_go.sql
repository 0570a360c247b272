-- catalogue_write.let_go
DELETE FROM subject_lock WHERE subject = ANY ($1) AND ticket_id = 0
