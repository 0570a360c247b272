-- guess_failed.forget
-- A few quiet places for every failure, so that the table does not grow and no write has to clean up much.
DELETE FROM guess
WHERE place IN (SELECT place FROM guess WHERE last_at < ?1 ORDER BY last_at LIMIT ?2)
