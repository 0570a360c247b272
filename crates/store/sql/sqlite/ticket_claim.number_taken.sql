-- ticket_claim.number_taken
-- A number is taken when it is a SIM's own or on a live service.
SELECT EXISTS (SELECT 1 FROM sim WHERE msisdn = ?1)
  OR EXISTS (SELECT 1 FROM service WHERE cli = ?1 AND status IN ('A', 'B'))
