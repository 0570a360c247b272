-- catalogue_write.tenant
INSERT INTO tenant (name, mail_domain, networks, packs) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (name) DO UPDATE SET
  mail_domain = excluded.mail_domain, networks = excluded.networks, packs = excluded.packs
