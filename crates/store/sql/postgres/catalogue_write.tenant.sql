-- catalogue_write.tenant
INSERT INTO tenant (name, mail_domain, mail, mailbox_bytes, mail_kept_days, is_default, networks, packs)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (name) DO UPDATE SET
  mail_domain = excluded.mail_domain,
  mail = excluded.mail,
  mailbox_bytes = excluded.mailbox_bytes,
  mail_kept_days = excluded.mail_kept_days,
  is_default = excluded.is_default,
  networks = excluded.networks,
  packs = excluded.packs
