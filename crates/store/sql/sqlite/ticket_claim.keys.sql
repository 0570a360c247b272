-- ticket_claim.keys
-- The keys of the SIM that a service moves to, sealed.
SELECT ki_sealed, opc_sealed FROM sim_key WHERE iccid = ?1
