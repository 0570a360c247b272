-- sweep_claim.drift
-- Drifts that were not looked at for a while; those who take them look now.
UPDATE drift
SET seen_at = ?3
WHERE network = ?1
  AND iccid IN (SELECT iccid FROM drift WHERE network = ?1 AND seen_at <= ?2 ORDER BY seen_at LIMIT ?4)
RETURNING iccid
