-- adopt_status
SELECT
  (SELECT number FROM setting WHERE key = 'adopting.since'),
  (SELECT number FROM setting WHERE key = 'adopting.read')
FROM setting
WHERE key = 'adopting' AND number = 1
