-- sweep_claim.lapsed
-- The slice that was left behind first.
UPDATE sweep_slice
SET until_at = ?3, tries = tries + 1
WHERE id = (SELECT id FROM sweep_slice WHERE network = ?1 AND until_at <= ?2 ORDER BY until_at LIMIT 1)
RETURNING id, walk, major, minor, to_major, to_minor, tries
