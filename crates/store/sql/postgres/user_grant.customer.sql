-- user_grant.customer
INSERT INTO user_customer (user_id, customer) VALUES ($1, $2) ON CONFLICT DO NOTHING
