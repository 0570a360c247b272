-- catalogue_read.apn
SELECT code, name, network FROM apn ORDER BY code
