-- sweep_claim.lapsed
-- The slice that was left behind first and is not being claimed by another node at this moment.
UPDATE sweep_slice
SET until_at = $3, tries = tries + 1
WHERE id = (
  SELECT id FROM sweep_slice WHERE network = $1 AND until_at <= $2 ORDER BY until_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, walk, major, minor, to_major, to_minor, tries
