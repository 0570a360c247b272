-- user_grant.bar
INSERT INTO user_bar (user_id, bar) VALUES ($1, $2) ON CONFLICT DO NOTHING
