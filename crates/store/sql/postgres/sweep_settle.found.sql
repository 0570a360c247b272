-- sweep_settle.found
SELECT
  drift.network, drift.iccid, sim.customer, service.code, drift.kind, drift.found, drift.what, drift.since_at, drift.seen_at,
  drift.ticket_id, drift.repairs
FROM drift
JOIN sim ON sim.iccid = drift.iccid
LEFT JOIN service
  ON service.iccid = drift.iccid AND (CASE WHEN service.status IN ('A', 'B') THEN 0 ELSE service.code END) = 0
WHERE drift.network = $1 AND drift.iccid = ANY ($2)
ORDER BY drift.iccid
