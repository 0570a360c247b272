-- ticket_settle.number_rest
UPDATE number SET state = 'quarantined', free_at = resting.free_at
FROM unnest($1::text[], $2::bigint[]) AS resting (msisdn, free_at)
WHERE number.msisdn = ANY (ARRAY[resting.msisdn]) AND state = 'used'
