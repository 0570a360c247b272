-- ticket_settle.next_service
SELECT nextval('service_code') FROM generate_series(1, $1::bigint)
