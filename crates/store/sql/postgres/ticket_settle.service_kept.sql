-- ticket_settle.service_kept
-- Number and SIM stay: their indexes are not written. Network, contract and customer never change.
UPDATE service
SET name = new.name, status = new.status, tariff = new.tariff,
  reporting_group = new.reporting_group, apns = new.apns, boltons = new.boltons, bars = new.bars
FROM unnest(
  $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::text[], $11::text[], $12::text[], $13::text[]
) AS new
  (code, name, status, cli, iccid, network, contract, customer, tariff, reporting_group, apns, boltons, bars)
WHERE service.code = ANY (ARRAY[new.code]) AND service.cli IS NOT DISTINCT FROM new.cli AND service.iccid = new.iccid
  AND service.network = new.network AND service.contract = new.contract
  AND service.customer = new.customer
