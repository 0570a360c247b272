-- sweep_settle.drift
-- Only about books that have not moved on since they were compared. What was found after a restore stays that.
INSERT INTO drift (network, iccid, kind, found, what, since_at, seen_at)
SELECT ?1, sim.iccid, ?4, ?5, ?6, ?7, ?7
FROM sim
WHERE sim.iccid = ?2 AND sim.version = ?3
  AND NOT EXISTS (SELECT 1 FROM subject_lock WHERE subject_lock.subject = ?8)
ON CONFLICT (network, iccid) DO UPDATE SET
  kind = CASE drift.kind WHEN 'restored' THEN 'restored' ELSE excluded.kind END,
  found = excluded.found,
  what = excluded.what,
  seen_at = excluded.seen_at
