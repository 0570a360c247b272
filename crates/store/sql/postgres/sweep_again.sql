-- sweep_again
INSERT INTO sweep_slice (network, walk, major, minor, to_major, to_minor, until_at)
SELECT $1::text, 'ticket', again.id, 0, again.id, 0, $3::bigint FROM unnest($2::bigint[]) AS again (id)
