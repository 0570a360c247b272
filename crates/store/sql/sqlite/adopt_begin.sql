-- adopt_begin
-- Nothing when it has begun already.
UPDATE setting
SET value = CASE key WHEN 'adopting' THEN 1 WHEN 'adopting.since' THEN ?1 ELSE 0 END
WHERE key IN ('adopting', 'adopting.since', 'adopting.read')
  AND NOT EXISTS (SELECT 1 FROM setting AS already WHERE already.key = 'adopting' AND already.value = 1)
