-- sweep_claim.drift
-- Drifts that were not looked at for a while; those who take them look now. They are locked in the order in which what was found is
-- written down (sweep_settle.drift).
WITH held AS MATERIALIZED (
  SELECT iccid
  FROM drift
  WHERE network = $1
    AND iccid = ANY (ARRAY(
      SELECT iccid FROM drift WHERE network = $1 AND seen_at <= $2 ORDER BY seen_at LIMIT $4
    ))
  ORDER BY iccid
  FOR NO KEY UPDATE
)
UPDATE drift
SET seen_at = $3
WHERE network = $1 AND iccid = ANY (ARRAY(SELECT iccid FROM held))
RETURNING iccid
