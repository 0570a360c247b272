-- catalogue_read.tariff
SELECT code, name, network FROM tariff ORDER BY code
