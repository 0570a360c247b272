-- catalogue_read.template
SELECT code, tariff, apns, boltons FROM template ORDER BY code
