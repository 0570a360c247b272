-- catalogue_read.tenant
SELECT name, mail_domain, networks, packs FROM tenant ORDER BY name
