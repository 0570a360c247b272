-- contract_count
-- In the order in which they are given, which is the same for everybody.
UPDATE contract SET active_services = active_services + counted.more
FROM unnest($1::text[], $2::bigint[]) AS counted (code, more)
WHERE contract.code = ANY (ARRAY[counted.code])
