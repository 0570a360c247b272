-- catalogue_read.bolton
SELECT code, name, network FROM bolton ORDER BY code
