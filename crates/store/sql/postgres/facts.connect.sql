-- facts.connect
-- $1 users, $2 contracts, $3 ICCIDs, $4 tariffs: an order each. After its place: the contract's customer, the tariff's network,
-- the SIM and the ticket that is open for it; what does not exist or is not granted is null.
SELECT asked.place, owned.customer, tariff.network,
  own.iccid, own.imsi, own.msisdn, own.customer, own.network, own.state, own.version, subject_lock.ticket_id
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
  WITH ORDINALITY AS asked (user_id, contract, iccid, tariff, place)
LEFT JOIN contract AS owned ON owned.code = ANY (ARRAY[asked.contract])
  AND (SELECT TRUE FROM user_customer WHERE user_id = asked.user_id AND customer = owned.customer)
LEFT JOIN landed_sim AS own ON own.iccid = ANY (ARRAY[asked.iccid])
  AND (SELECT TRUE FROM user_customer WHERE user_id = asked.user_id AND customer = own.customer)
LEFT JOIN tariff ON tariff.code = ANY (ARRAY[asked.tariff])
LEFT JOIN subject_lock ON subject_lock.subject = ANY (ARRAY['sim:' || own.iccid])
