-- catalogue_write.sim_find
-- The SIM, whether its import is still under way, and the ticket that is open for it.
SELECT sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version,
  sim.import_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM landed_sim WHERE landed_sim.iccid = sim.iccid),
  nullif(subject_lock.ticket_id, 0)
FROM sim
LEFT JOIN subject_lock ON subject_lock.subject = $2
WHERE sim.iccid = $1
