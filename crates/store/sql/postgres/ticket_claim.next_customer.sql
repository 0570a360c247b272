-- ticket_claim.next_customer
-- The customers after $2, up to $3 where that is given, who have claimable tickets, in order; and whether the first of
-- those is due at $4 (null: now, by the database's clock). Each is one step in the index. It ends once $5 have, or after $6
-- steps once one has. Nobody has while a restored database is adopted.
WITH RECURSIVE asked (at) AS MATERIALIZED (
  SELECT coalesce($4::bigint, now_ms())
), walk (customer, due, found, steps) AS (
  (
    SELECT customer, due_at <= (SELECT at FROM asked), (due_at <= (SELECT at FROM asked))::int::bigint, 1::bigint
    FROM ticket_queue
    WHERE network = $1 AND customer > $2 AND ($3::text IS NULL OR customer <= $3) AND state IN ('pending', 'running')
      AND (SELECT number FROM setting WHERE key = 'adopting') = 0
    ORDER BY customer, due_at
    LIMIT 1
  )
  UNION ALL
  SELECT next.customer, next.due, walk.found + next.due::int, walk.steps + 1
  FROM walk
  CROSS JOIN LATERAL (
    SELECT customer, due_at <= (SELECT at FROM asked) AS due
    FROM ticket_queue
    WHERE network = $1 AND customer > walk.customer AND ($3::text IS NULL OR customer <= $3)
      AND state IN ('pending', 'running')
    ORDER BY customer, due_at
    LIMIT 1
  ) AS next
  WHERE walk.found < $5 AND (walk.found = 0 OR walk.steps < $6)
)
SELECT customer, due, steps FROM walk ORDER BY steps
