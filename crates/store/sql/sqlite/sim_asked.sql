-- sim_asked
SELECT order_json, state, cli FROM ticket WHERE iccid = ?1 ORDER BY id DESC LIMIT ?2
