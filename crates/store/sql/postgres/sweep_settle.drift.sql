-- sweep_settle.drift
-- Only about books that have not moved on since they were compared. What was found after a restore stays that.
INSERT INTO drift (network, iccid, kind, found, what, since_at, seen_at)
SELECT $1::text, sim.iccid, $4::text, $5::text, $6::text, $7::bigint, $7::bigint
FROM sim
WHERE sim.iccid = $2 AND sim.version = $3
  AND NOT EXISTS (SELECT 1 FROM subject_lock WHERE subject_lock.subject = $8)
ON CONFLICT (network, iccid) DO UPDATE SET
  kind = CASE drift.kind WHEN 'restored' THEN 'restored' ELSE excluded.kind END,
  found = excluded.found,
  what = excluded.what,
  seen_at = excluded.seen_at
