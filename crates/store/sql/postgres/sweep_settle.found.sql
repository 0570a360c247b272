-- sweep_settle.found
SELECT drift.network, drift.iccid, sim.customer,
  (SELECT code FROM service WHERE iccid = drift.iccid AND (CASE WHEN status IN ('A', 'B') THEN 0 ELSE code END) = 0),
  drift.kind, drift.found, drift.what, drift.since_at, drift.seen_at, drift.ticket_id, drift.repairs
FROM drift
JOIN sim ON sim.iccid = drift.iccid
WHERE drift.network = $1 AND drift.iccid = ANY ($2)
ORDER BY drift.iccid
