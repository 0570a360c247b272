-- catalogue_write.service_known
-- Whether there are such a network and tariff. SQLite asks by foreign keys.
SELECT EXISTS (SELECT 1 FROM network WHERE code = $1) AND EXISTS (SELECT 1 FROM tariff WHERE code = $2)
