-- The lookup file of a mail network. What other programs may read are the views that begin with v1_; tables and other
-- views change without notice. Mail addresses are in small letters wherever they are looked up.

CREATE TABLE customer (
    id          INTEGER PRIMARY KEY,
    tenant      TEXT NOT NULL,
    par_cust_id TEXT NOT NULL,
    secret      TEXT,             -- Argon2id, as a PHC string; opens all of the customer's mailboxes
    secret_form TEXT CHECK (secret_form IN ('md5hex', 'plain')),
    generation  INTEGER NOT NULL, -- the fence of the newest command
    version     INTEGER NOT NULL,
    ticket      INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    UNIQUE (tenant, par_cust_id),
    CHECK ((secret IS NULL) = (secret_form IS NULL))
) STRICT;

CREATE TABLE domain (
    name TEXT PRIMARY KEY CHECK (name = lower(name))
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox (
    address         TEXT PRIMARY KEY CHECK (address = lower(address)),
    spelled         TEXT NOT NULL CHECK (lower(spelled) = address), -- as the books have it
    domain          TEXT NOT NULL REFERENCES domain (name),
    customer        INTEGER NOT NULL REFERENCES customer (id),
    kind            TEXT NOT NULL CHECK (kind IN ('primary', 'additional')),
    forward         TEXT,                                           -- as the books have it
    keep_copy       INTEGER NOT NULL CHECK (keep_copy IN (0, 1)),
    quota_bytes     INTEGER NOT NULL CHECK (quota_bytes > 0),       -- to Dovecot 0 would be "no limit"
    kept_until      INTEGER,                                        -- ms since 1970; NULL: it works
    home            TEXT NOT NULL UNIQUE,                           -- under the directory of all mail
    works           INTEGER AS (kept_until IS NULL),
    forward_key     TEXT AS (lower(forward)),
    forward_domain  TEXT AS (lower(substr(forward, instr(forward, '@') + 1))),
    -- The mailbox that a forward goes to: a tag (user+tag@domain) is none of its address.
    forward_mailbox TEXT AS (lower(CASE instr(forward, '+') WHEN 0 THEN forward
        ELSE substr(forward, 1, instr(forward, '+') - 1) || substr(forward, instr(forward, '@')) END))
) STRICT, WITHOUT ROWID;
CREATE INDEX mailbox_by_customer ON mailbox (customer);
CREATE INDEX mailbox_by_domain ON mailbox (domain);
CREATE INDEX mailbox_switched_off ON mailbox (kept_until) WHERE kept_until IS NOT NULL;

-- Mail whose mailbox the books do not have any more.
CREATE TABLE left_behind (
    home       TEXT PRIMARY KEY,
    address    TEXT NOT NULL,
    kept_until INTEGER NOT NULL -- ms since 1970
) STRICT, WITHOUT ROWID;

-- Users whose open sessions are to be ended. Of two entries for a user the newer one has the greater number.
CREATE TABLE to_kick (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    customer INTEGER NOT NULL REFERENCES customer (id),
    user     TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX to_kick_by_customer ON to_kick (customer);

-- Forwards that arrive: to elsewhere, or to a mailbox here that works. Any other would be taken in and bounce, so such
-- a mailbox keeps its mail as if it had no forward.
CREATE VIEW forwarding AS
SELECT m.address, m.forward_key AS destination, m.forward_mailbox AS target, m.keep_copy
FROM mailbox AS m
WHERE m.works AND m.forward_mailbox <> m.address
  AND (EXISTS (SELECT 1 FROM mailbox AS t WHERE t.address = m.forward_mailbox AND t.works)
       OR NOT EXISTS (SELECT 1 FROM domain AS d WHERE d.name = m.forward_domain));

CREATE VIEW v1_schema AS SELECT 1 AS version;

CREATE VIEW v1_mail_auth AS
SELECT m.address AS username, c.secret, c.secret_form, NULL AS app_tokens,
       '*:bytes=' || m.quota_bytes AS quota_rule
FROM mailbox AS m JOIN customer AS c ON c.id = m.customer
WHERE m.works AND c.secret IS NOT NULL;

CREATE VIEW v1_mail_user AS
SELECT address AS lookup, address AS user, '*:bytes=' || quota_bytes AS quota_rule, home
FROM mailbox WHERE works;

-- Whose quota counts for mail to an address: of a forward that keeps no copy it is the target's, if that is here.
CREATE VIEW v1_mail_quota AS
SELECT u.lookup, u.user, u.quota_rule, u.home FROM v1_mail_user AS u
WHERE NOT EXISTS (SELECT 1 FROM forwarding AS f WHERE f.address = u.lookup AND NOT f.keep_copy)
UNION ALL
SELECT f.address, u.user, u.quota_rule, u.home
FROM forwarding AS f JOIN v1_mail_user AS u ON u.lookup = f.target WHERE NOT f.keep_copy;

CREATE VIEW v1_postfix_domain AS SELECT name AS domain FROM domain;

CREATE VIEW v1_postfix_mailbox AS SELECT address, 'OK' AS result FROM mailbox WHERE works;

CREATE VIEW v1_postfix_alias AS
SELECT address, destination FROM forwarding
UNION ALL
SELECT address, address FROM forwarding WHERE keep_copy;

CREATE VIEW v1_postfix_access AS
SELECT address, '550 5.2.1 Mailbox is disabled' AS action FROM mailbox WHERE NOT works;

CREATE VIEW v1_postfix_sender AS SELECT address AS sender, address AS owner FROM mailbox WHERE works;

CREATE VIEW v1_mail_expired AS
SELECT address, home, strftime('%Y-%m-%dT%H:%M:%SZ', kept_until / 1000, 'unixepoch') AS kept_until
FROM (SELECT address, home, kept_until FROM mailbox WHERE kept_until IS NOT NULL
      UNION ALL SELECT address, home, kept_until FROM left_behind)
WHERE kept_until / 1000 <= CAST(strftime('%s', 'now') AS INTEGER);
