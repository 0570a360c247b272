-- ticket_settle.attempt
INSERT INTO attempt (ticket_id, epoch, began_at, ended_at, state, failure_kind, failure_reason)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
