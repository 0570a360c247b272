-- ticket_claim.number_use
INSERT INTO number (msisdn, network, state)
SELECT msisdn, $2, 'used' FROM unnest($1::text[]) AS given (msisdn)
ON CONFLICT (msisdn) DO UPDATE SET network = excluded.network, state = 'used', free_at = NULL
