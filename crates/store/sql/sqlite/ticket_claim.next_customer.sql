-- ticket_claim.next_customer
-- The first customer after ?2 who has claimable tickets, and when the first of those is due. One step in the index.
-- Nobody has while a restored database is adopted.
SELECT customer, due_at
FROM ticket
WHERE network = ?1 AND customer > ?2 AND state IN ('pending', 'running')
  AND (SELECT value FROM setting WHERE key = 'adopting') = 0
ORDER BY customer, due_at
LIMIT 1
