-- service_close
UPDATE service SET status = 'C' WHERE code = $1
