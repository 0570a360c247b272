-- copy.tables
-- The tables to be filled, each with those that it refers to.
SELECT
  filled.relname::text,
  ARRAY(
    SELECT DISTINCT needed.relname::text
    FROM pg_constraint
    JOIN pg_class AS needed ON needed.oid = pg_constraint.confrelid
    WHERE pg_constraint.conrelid = filled.oid AND pg_constraint.contype = 'f' AND needed.oid <> filled.oid
  )
FROM pg_class AS filled
JOIN pg_namespace ON pg_namespace.oid = filled.relnamespace
WHERE nspname = 'provisor' AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migration'
ORDER BY relname
