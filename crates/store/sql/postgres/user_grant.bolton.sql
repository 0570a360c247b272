-- user_grant.bolton
INSERT INTO user_bolton (user_id, bolton) VALUES ($1, $2) ON CONFLICT DO NOTHING
