-- ticket_claim.next_customer
-- Once round the customers who have claimable tickets: those after $2 (lap 1), then those up to $2 (lap 2); and whether the
-- first ticket of each is due at $3 (null: now, by the database's clock). Each is one step in the index. It ends once $4 of them
-- have one that is due, or, on each lap, after $5 steps once one has. Nobody has while a restored database is adopted.
WITH RECURSIVE asked (at) AS MATERIALIZED (
  SELECT coalesce($3::bigint, now_ms())
), first (customer, due, found, steps) AS (
  (
    SELECT customer, due_at <= (SELECT at FROM asked), (due_at <= (SELECT at FROM asked))::int::bigint, 1::bigint
    FROM ticket_queue
    WHERE network = $1 AND customer > $2 AND state IN ('pending', 'running')
      AND (SELECT number FROM setting WHERE key = 'adopting') = 0
    ORDER BY customer, due_at
    LIMIT 1
  )
  UNION ALL
  SELECT next.customer, next.due, first.found + next.due::int, first.steps + 1
  FROM first
  CROSS JOIN LATERAL (
    SELECT customer, due_at <= (SELECT at FROM asked) AS due
    FROM ticket_queue
    WHERE network = $1 AND customer > first.customer AND state IN ('pending', 'running')
    ORDER BY customer, due_at
    LIMIT 1
  ) AS next
  WHERE first.found < $4 AND (first.found = 0 OR first.steps < $5)
), before (found) AS MATERIALIZED (
  SELECT coalesce(max(found), 0) FROM first
), second (customer, due, found, steps) AS (
  (
    SELECT customer, due_at <= (SELECT at FROM asked),
      (SELECT found FROM before) + (due_at <= (SELECT at FROM asked))::int, 1::bigint
    FROM ticket_queue
    WHERE network = $1 AND customer <= $2 AND state IN ('pending', 'running')
      AND (SELECT number FROM setting WHERE key = 'adopting') = 0
      AND (SELECT found FROM before) < $4
    ORDER BY customer, due_at
    LIMIT 1
  )
  UNION ALL
  SELECT next.customer, next.due, second.found + next.due::int, second.steps + 1
  FROM second
  CROSS JOIN LATERAL (
    SELECT customer, due_at <= (SELECT at FROM asked) AS due
    FROM ticket_queue
    WHERE network = $1 AND customer > second.customer AND customer <= $2 AND state IN ('pending', 'running')
    ORDER BY customer, due_at
    LIMIT 1
  ) AS next
  WHERE second.found < $4 AND (second.found = 0 OR second.steps < $5)
)
SELECT customer, due, steps, 1 AS lap FROM first
UNION ALL
SELECT customer, due, steps, 2 FROM second
ORDER BY lap, steps
