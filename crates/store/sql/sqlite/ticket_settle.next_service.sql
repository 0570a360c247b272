-- ticket_settle.next_service
SELECT max(coalesce((SELECT max(code) FROM service), 0), ?1 - 1) + 1
