-- service_add
INSERT INTO service
  (code, name, status, cli, iccid, network, contract, customer, tariff, reporting_group, apns, boltons, bars)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
