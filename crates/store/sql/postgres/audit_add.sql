-- audit_add
INSERT INTO audit (at, actor, action, object, request_id, detail)
SELECT at, actor, action, object, request_id, detail
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
  WITH ORDINALITY AS line (at, actor, action, object, request_id, detail, place)
ORDER BY place
