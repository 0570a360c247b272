-- catalogue_write.service_code
-- New services go on counting after one that was taken over with a code of its own.
SELECT setval('service_code', $1) FROM service_code WHERE last_value <= $1
