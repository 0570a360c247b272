-- facts.tariff
SELECT network FROM tariff WHERE code = $1
