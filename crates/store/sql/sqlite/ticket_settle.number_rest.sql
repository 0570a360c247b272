-- ticket_settle.number_rest
UPDATE number SET state = 'quarantined', free_at = ?2 WHERE msisdn = ?1 AND state = 'used'
