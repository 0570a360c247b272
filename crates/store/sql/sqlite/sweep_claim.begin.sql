-- sweep_claim.begin
INSERT INTO sweep (network, walk, major, minor, lap_at, due_at) VALUES (?1, ?2, 0, 0, 0, ?3)
ON CONFLICT (network, walk) DO NOTHING
