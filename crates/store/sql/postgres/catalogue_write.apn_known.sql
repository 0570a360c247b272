-- catalogue_write.apn_known
SELECT 1 FROM apn WHERE code = $1
