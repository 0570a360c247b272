-- ticket_claim.secret
SELECT ticket_id, phc, form FROM ticket_secret WHERE ticket_id = ANY ($1)
