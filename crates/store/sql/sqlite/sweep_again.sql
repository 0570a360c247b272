-- sweep_again
INSERT INTO sweep_slice (network, walk, major, minor, to_major, to_minor, until_at)
VALUES (?1, 'ticket', ?2, 0, ?2, 0, ?3)
