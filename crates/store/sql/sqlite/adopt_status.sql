-- adopt_status
SELECT
  (SELECT value FROM setting WHERE key = 'adopting.since'),
  (SELECT value FROM setting WHERE key = 'adopting.read')
FROM setting
WHERE key = 'adopting' AND value = 1
