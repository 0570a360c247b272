-- audit_add
INSERT INTO audit (at, actor, action, object, request_id, detail)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
