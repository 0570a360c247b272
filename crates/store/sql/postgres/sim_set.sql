-- sim_set
UPDATE sim SET state = new.state, version = version + 1
FROM unnest($1::text[], $2::text[]) AS new (iccid, state)
WHERE sim.iccid = ANY (ARRAY[new.iccid])
