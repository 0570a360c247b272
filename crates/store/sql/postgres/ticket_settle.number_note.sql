-- ticket_settle.number_note
-- Numbers of the range that came with an adopted service and are not known yet.
INSERT INTO number (msisdn, network, state, free_at)
SELECT resting.msisdn, network.code, 'quarantined', resting.free_at
FROM unnest($1::text[], $2::bigint[], $3::text[]) AS resting (msisdn, free_at, network)
JOIN network ON network.code = resting.network AND length(range_first) = length(resting.msisdn)
  AND resting.msisdn BETWEEN range_first AND range_last
ON CONFLICT (msisdn) DO NOTHING
