-- catalogue_write.hold
-- Holds subjects for the length of a transaction: nobody opens a ticket for them meanwhile, and those for which one is
-- open are left out. In order: two who hold the same ones do not wait for each other.
INSERT INTO subject_lock (subject, ticket_id)
SELECT subject, 0 FROM unnest($1::text[]) AS asked (subject) ORDER BY subject
ON CONFLICT (subject) DO NOTHING
