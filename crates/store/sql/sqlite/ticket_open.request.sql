-- ticket_open.request
-- One writer: nobody else can take the number in between, and what is rolled back has not taken one.
INSERT INTO portal_request (tenant, relation, sequence, par_cust_id, action, pack, value, ticket_id)
VALUES (
  ?1, ?2, (SELECT coalesce(max(sequence), 0) + 1 FROM portal_request WHERE tenant = ?1 AND relation = ?2),
  ?3, ?4, ?5, ?6, ?7
)
