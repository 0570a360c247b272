-- sim_import_rows.sim
-- Those that can land; the others are asked about one by one.
INSERT INTO sim (iccid, imsi, msisdn, customer, network, state, import_id)
SELECT row.iccid, row.imsi, row.msisdn, row.customer, row.network, 'stock', $6
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
  WITH ORDINALITY AS row (iccid, imsi, msisdn, customer, network, place)
WHERE EXISTS (SELECT 1 FROM customer WHERE customer.number = row.customer)
  AND (row.network IS NULL OR EXISTS (SELECT 1 FROM network WHERE network.code = row.network))
ORDER BY row.place
ON CONFLICT DO NOTHING
RETURNING iccid
