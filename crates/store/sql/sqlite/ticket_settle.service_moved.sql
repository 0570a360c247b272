-- ticket_settle.service_moved
-- Network, contract and customer never change.
UPDATE service
SET name = ?2, status = ?3, cli = ?4, iccid = ?5, tariff = ?9, reporting_group = ?10, apns = ?11, boltons = ?12,
  bars = ?13
WHERE code = ?1 AND network = ?6 AND contract = ?7 AND customer = ?8
