-- ticket_claim.keys
-- The keys of SIMs that services move to, sealed.
SELECT iccid, ki_sealed, opc_sealed FROM sim_key WHERE iccid = ANY ($1::text[])
