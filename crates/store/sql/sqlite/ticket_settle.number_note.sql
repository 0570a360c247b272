-- ticket_settle.number_note
-- A number of the range that came with an adopted service and is not known yet.
INSERT INTO number (msisdn, network, state, free_at)
SELECT ?1, code, 'quarantined', ?2
FROM network
WHERE code = ?3 AND length(range_first) = length(?1) AND ?1 BETWEEN range_first AND range_last
ON CONFLICT (msisdn) DO NOTHING
