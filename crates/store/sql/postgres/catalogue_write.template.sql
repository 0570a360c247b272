-- catalogue_write.template
INSERT INTO template (code, tariff, apns, boltons) VALUES ($1, $2, $3, $4)
ON CONFLICT (code) DO UPDATE SET tariff = excluded.tariff, apns = excluded.apns, boltons = excluded.boltons
