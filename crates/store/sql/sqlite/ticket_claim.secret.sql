-- ticket_claim.secret
SELECT phc, form FROM ticket_secret WHERE ticket_id = ?1
