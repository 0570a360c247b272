-- ticket_claim.number_use
INSERT INTO number (msisdn, network, state) VALUES (?1, ?2, 'used')
ON CONFLICT (msisdn) DO UPDATE SET network = excluded.network, state = 'used', free_at = NULL
