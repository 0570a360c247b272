-- ticket_settle.service
UPDATE service
SET name = ?2, status = ?3, cli = ?4, iccid = ?5, network = ?6, contract = ?7, customer = ?8, tariff = ?9,
  reporting_group = ?10, apns = ?11, boltons = ?12, bars = ?13
WHERE code = ?1
