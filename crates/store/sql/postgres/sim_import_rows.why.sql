-- sim_import_rows.why
-- Why a row cannot land: known ICCID, IMSI or number; unknown customer or network.
SELECT
  EXISTS (SELECT 1 FROM sim WHERE iccid = $1),
  EXISTS (SELECT 1 FROM sim WHERE imsi = $2),
  EXISTS (SELECT 1 FROM sim WHERE msisdn = $3),
  NOT EXISTS (SELECT 1 FROM customer WHERE number = $4),
  $5::text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM network WHERE code = $5)
