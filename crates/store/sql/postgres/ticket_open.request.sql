-- ticket_open.request
-- The counters first: whoever else counts in these relations waits until this transaction has ended.
WITH asked AS (
  SELECT *,
    row_number() OVER (PARTITION BY tenant, relation ORDER BY place) AS nth,
    count(*) OVER (PARTITION BY tenant, relation) AS of
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
    WITH ORDINALITY AS asked (tenant, relation, par_cust_id, action, pack, value, ticket_id, place)
), counted AS (
  INSERT INTO portal_counter AS counter (tenant, relation, last)
  SELECT tenant, relation, count(*)
  FROM asked
  GROUP BY tenant, relation
  ORDER BY tenant COLLATE "C", relation COLLATE "C"
  ON CONFLICT (tenant, relation) DO UPDATE SET last = counter.last + excluded.last
  RETURNING tenant, relation, last
)
INSERT INTO portal_request (tenant, relation, sequence, par_cust_id, action, pack, value, ticket_id)
SELECT asked.tenant, asked.relation, counted.last - asked.of + asked.nth, par_cust_id, action, pack, value, ticket_id
FROM asked
JOIN counted ON counted.tenant = asked.tenant AND counted.relation = asked.relation
