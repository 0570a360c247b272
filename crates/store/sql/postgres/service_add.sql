-- service_add
INSERT INTO service
  (code, name, status, cli, iccid, network, contract, customer, tariff, reporting_group, apns, boltons, bars)
SELECT code, name, status, cli, iccid, network, contract, customer, tariff, reporting_group, apns, boltons, bars
FROM unnest(
  $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::text[], $11::text[], $12::text[], $13::text[]
) AS new
  (code, name, status, cli, iccid, network, contract, customer, tariff, reporting_group, apns, boltons, bars)
