-- catalogue_read.tenant
SELECT name, mail_domain, mail, mailbox_bytes, mail_kept_days, is_default, networks, packs FROM tenant ORDER BY name
