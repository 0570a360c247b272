-- sweep_claim.slice
INSERT INTO sweep_slice (network, walk, major, minor, to_major, to_minor, until_at, tries)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
RETURNING id
