-- facts.sim
SELECT sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version, subject_lock.ticket_id
FROM landed_sim AS sim
JOIN user_customer ON user_customer.user_id = $1 AND user_customer.customer = ANY (ARRAY[sim.customer])
LEFT JOIN subject_lock ON subject_lock.subject = $3
WHERE sim.iccid = $2
