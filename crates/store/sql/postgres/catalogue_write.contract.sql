-- catalogue_write.contract
INSERT INTO contract (code, customer, name) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE SET name = excluded.name
