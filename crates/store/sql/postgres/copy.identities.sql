-- copy.identities
-- Columns that the database numbers.
SELECT table_name::text, column_name::text
FROM information_schema.columns
WHERE table_schema = 'provisor' AND is_identity = 'YES'
ORDER BY table_name
