-- ticket_claim.walk
-- Once round the customers who have claimable tickets: those after $2 (lap 1), then those up to $2 (lap 2); and whether the
-- first ticket of each is due at $3 (null: now, by the database's clock). Each is one step in the index. It ends once $4 of them
-- have one that is due, or, on each lap, after $5 steps once one has. Nobody has while a restored database is adopted.
-- Those who have one share $6 tickets out equally: the answer are their next due ones, as ticket_claim.due has them, a row without a
-- ticket for a customer of whom none is taken, and at least one row. At the end how many the customer has room for, the longest lap, and what
-- time it is.
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
), walked (customer, due, steps, lap) AS MATERIALIZED (
  SELECT customer, due, steps, 1 FROM first
  UNION ALL
  SELECT customer, due, steps, 2 FROM second
), share AS MATERIALIZED (
  SELECT customer, place,
    -- What does not divide goes to the first ones.
    $6::bigint / count(*) OVER () + (place <= $6::bigint % count(*) OVER ())::int AS room
  FROM (SELECT customer, row_number() OVER (ORDER BY lap, steps) AS place FROM walked WHERE due) AS served
)
SELECT
  queue.id, queue.state, record.kind, record.order_json, queue.epoch, queue.attempts, queue.in_doubt,
  record.raised_at, queue.cli, record.par_cust_id,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  service.code, service.name, service.status, service.cli, service.iccid, service.network, service.contract,
  service.customer, service.tariff, service.reporting_group, service.apns, service.boltons, service.bars,
  sim_key.ki_sealed, sim_key.opc_sealed,
  share.customer AS served, queue.accepted, queue.report,
  share.room, all_of_it.steps, (SELECT at FROM asked)
FROM (SELECT max(steps) AS steps FROM walked) AS all_of_it
LEFT JOIN share ON TRUE
LEFT JOIN LATERAL (
  SELECT *
  FROM ticket_queue
  WHERE network = $1 AND customer = share.customer AND state IN ('pending', 'running')
    AND due_at <= (SELECT at FROM asked)
  ORDER BY due_at, id + 0
  LIMIT share.room
  FOR UPDATE SKIP LOCKED
) AS queue ON TRUE
LEFT JOIN ticket_record AS record ON record.id = ANY (ARRAY[queue.id])
LEFT JOIN sim ON sim.iccid = ANY (ARRAY[record.iccid])
LEFT JOIN sim_key ON sim_key.iccid = ANY (ARRAY[record.iccid])
LEFT JOIN service ON service.code = ANY (ARRAY[record.service])
ORDER BY share.place, queue.due_at, queue.id
