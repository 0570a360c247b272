-- catalogue_write.apn
INSERT INTO apn (code, name, network) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, network = excluded.network
