-- catalogue_write.customer
INSERT INTO customer (number, name) VALUES ($1, $2)
ON CONFLICT (number) DO UPDATE SET name = excluded.name
