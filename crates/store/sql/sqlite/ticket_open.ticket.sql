-- ticket_open.ticket
INSERT INTO ticket
  (id, state, kind, customer, network, iccid, service, cli, par_cust_id, order_json, raised_by, raised_at, due_at,
   subjects)
VALUES (?1, 'pending', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)
