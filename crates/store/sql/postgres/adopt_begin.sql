-- adopt_begin
-- Nothing when it has begun already.
UPDATE setting
SET number = CASE key WHEN 'adopting' THEN 1 WHEN 'adopting.since' THEN $1::bigint ELSE 0 END
WHERE key IN ('adopting', 'adopting.since', 'adopting.read')
  AND NOT EXISTS (SELECT 1 FROM setting AS already WHERE already.key = 'adopting' AND already.number = 1)
