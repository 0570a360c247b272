-- guess_failed
-- A place that was quiet for long enough (?3) starts afresh.
INSERT INTO guess (place, failures, last_at) VALUES (?1, 1, ?2)
ON CONFLICT (place) DO UPDATE SET
  failures = CASE WHEN last_at < ?3 THEN 1 ELSE failures + 1 END,
  last_at = max(last_at, excluded.last_at)
