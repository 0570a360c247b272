-- facts.sim
SELECT asked.place,
  sim.iccid, sim.imsi, sim.msisdn, sim.customer, sim.network, sim.state, sim.version, subject_lock.ticket_id
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (user_id, iccid, place)
JOIN landed_sim AS sim ON sim.iccid = ANY (ARRAY[asked.iccid])
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY['sim:' || sim.iccid])
WHERE (SELECT TRUE FROM user_customer WHERE user_id = asked.user_id AND customer = sim.customer)
