-- catalogue_read.service
SELECT code, name, status, cli, iccid, network, contract, customer, tariff, reporting_group, apns, boltons, bars
FROM service
WHERE code = $1
