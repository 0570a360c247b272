-- catalogue_write.bar
INSERT INTO bar (code, name, network, suspends) VALUES ($1, $2, $3, $4)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, network = excluded.network, suspends = excluded.suspends
