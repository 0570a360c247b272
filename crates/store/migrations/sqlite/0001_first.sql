-- 0001_first (sqlite)
--
-- Times are whole milliseconds since 1970 (UTC). Lists that belong to one row are JSON arrays on that row, so that one
-- row is one service, one template. Invariants are held here: by keys, unique indexes and checks that tie a state to
-- the columns it needs. Where rows are written often, a check is a chain of OR: for an IN with three values or more
-- SQLite builds a table in memory at every execution.

-- Small facts about this installation: maintenance, stamps, the installation key.
CREATE TABLE setting (
  key   TEXT NOT NULL PRIMARY KEY,
  value ANY  NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO setting (key, value) VALUES
  ('maintenance', 0),
  ('books.generation', 0),
  ('stamp.users', 0),
  ('stamp.networks', 0),
  ('adopting', 0),      -- 1: no ticket is carried out until the networks were read
  ('adopting.since', 0),
  ('adopting.read', 0), -- when all networks had been read, 0 before
  ('heartbeat', 0),     -- grows while servers run; a restored database has a smaller one than they remember
  ('installation.key', randomblob(32)); -- ChaCha20 seeded by the operating system

-- ---------------------------------------------------------------------------------------------- catalogue

CREATE TABLE network (
  code        TEXT    NOT NULL PRIMARY KEY,
  driver      TEXT    NOT NULL,
  range_first TEXT,
  range_last  TEXT,
  range_next  INTEGER NOT NULL DEFAULT 0 CHECK (range_next >= 0), -- steps after range_first, next to be tried
  drift       TEXT    NOT NULL CHECK (drift IN ('report', 'repair-own', 'repair')),
  settings    TEXT    NOT NULL CHECK (json_valid(settings)),
  CHECK ((range_first IS NULL) = (range_last IS NULL)),
  CHECK (length(range_first) = length(range_last) AND range_first <= range_last)
) STRICT, WITHOUT ROWID;

CREATE TABLE tariff (
  code    TEXT NOT NULL PRIMARY KEY,
  name    TEXT NOT NULL,
  network TEXT NOT NULL REFERENCES network
) STRICT, WITHOUT ROWID;

CREATE TABLE apn (
  code    TEXT NOT NULL PRIMARY KEY,
  name    TEXT NOT NULL,
  network TEXT NOT NULL REFERENCES network
) STRICT, WITHOUT ROWID;

CREATE TABLE bolton (
  code    TEXT NOT NULL PRIMARY KEY,
  name    TEXT NOT NULL,
  network TEXT NOT NULL REFERENCES network
) STRICT, WITHOUT ROWID;

CREATE TABLE bar (
  code     TEXT    NOT NULL PRIMARY KEY,
  name     TEXT    NOT NULL,
  network  TEXT    NOT NULL REFERENCES network,
  suspends INTEGER NOT NULL CHECK (suspends IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE template (
  code    TEXT NOT NULL PRIMARY KEY,
  tariff  TEXT NOT NULL REFERENCES tariff,
  apns    TEXT NOT NULL CHECK (json_valid(apns)),
  boltons TEXT NOT NULL CHECK (json_valid(boltons))
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_type (
  code       TEXT    NOT NULL PRIMARY KEY,
  name       TEXT    NOT NULL,
  needs_file INTEGER NOT NULL CHECK (needs_file IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
  name           TEXT    NOT NULL PRIMARY KEY,
  mail_domain    TEXT    NOT NULL,
  mail           TEXT    NOT NULL REFERENCES network,
  mailbox_bytes  INTEGER NOT NULL CHECK (mailbox_bytes >= 0),
  mail_kept_days INTEGER NOT NULL CHECK (mail_kept_days >= 0),
  is_default     INTEGER NOT NULL CHECK (is_default IN (0, 1)),
  networks       TEXT    NOT NULL CHECK (json_valid(networks)),
  packs          TEXT    NOT NULL CHECK (json_valid(packs))
) STRICT, WITHOUT ROWID;

-- One tenant at most answers paths that name none.
CREATE UNIQUE INDEX tenant_default ON tenant (is_default) WHERE is_default = 1;

-- ---------------------------------------------------------------------------------------------- customers

CREATE TABLE customer (
  number TEXT NOT NULL PRIMARY KEY,
  name   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contract (
  code            TEXT    NOT NULL PRIMARY KEY,
  customer        TEXT    NOT NULL REFERENCES customer,
  name            TEXT    NOT NULL,
  -- Services in A or B; kept in the transaction that changes them.
  active_services INTEGER NOT NULL DEFAULT 0 CHECK (active_services >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX contract_customer ON contract (customer);

-- ---------------------------------------------------------------------------------------------- stock

CREATE TABLE sim_import (
  id        INTEGER PRIMARY KEY,
  file      TEXT    NOT NULL,
  -- landing: rows arrive; landed: all are there; leaving: rows are being deleted; abandoned: all are gone
  state     TEXT    NOT NULL DEFAULT 'landing' CHECK (state IN ('landing', 'landed', 'leaving', 'abandoned')),
  begun_at  INTEGER NOT NULL,
  landed_at INTEGER,
  CHECK ((landed_at IS NOT NULL) = (state = 'landed'))
) STRICT;

-- One import at a time: whoever begins another one takes the first one back.
CREATE UNIQUE INDEX sim_import_one_landing ON sim_import (state) WHERE state IN ('landing', 'leaving');

CREATE TABLE sim (
  iccid     TEXT    NOT NULL PRIMARY KEY,
  imsi      TEXT,
  msisdn    TEXT,
  customer  TEXT    NOT NULL REFERENCES customer,
  network   TEXT    REFERENCES network,
  state     TEXT    NOT NULL CHECK (state = 'stock' OR state = 'in_use' OR state = 'retired'),
  version   INTEGER NOT NULL DEFAULT 1,
  import_id INTEGER REFERENCES sim_import -- the import that brought it
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sim_imsi ON sim (imsi) WHERE imsi IS NOT NULL;
CREATE UNIQUE INDEX sim_msisdn ON sim (msisdn) WHERE msisdn IS NOT NULL;

-- The SIMs that exist for callers: those of an import that has not finished do not.
CREATE VIEW landed_sim AS
SELECT iccid, imsi, msisdn, customer, network, state, version
FROM sim
WHERE import_id IS NULL
   OR EXISTS (SELECT 1 FROM sim_import WHERE sim_import.id = sim.import_id AND sim_import.state = 'landed');

-- What is secret or rare about a SIM; apart, so that no query of a SIM passes by it.
CREATE TABLE sim_key (
  iccid      TEXT NOT NULL PRIMARY KEY REFERENCES sim,
  ki_sealed  TEXT,
  opc_sealed TEXT,
  eid        TEXT
) STRICT, WITHOUT ROWID;

-- Numbers of a network's range that were ever given to a service.
CREATE TABLE number (
  msisdn  TEXT    NOT NULL PRIMARY KEY,
  network TEXT    NOT NULL REFERENCES network,
  state   TEXT    NOT NULL CHECK (state IN ('used', 'quarantined')),
  free_at INTEGER, -- end of the quarantine
  CHECK ((free_at IS NOT NULL) = (state = 'quarantined'))
) STRICT, WITHOUT ROWID;

CREATE INDEX number_quarantined ON number (network, free_at, msisdn) WHERE state = 'quarantined';

-- ---------------------------------------------------------------------------------------------- services

-- A SIM is looked up when its ticket is opened, and never deleted: a foreign key would look it up again, in the largest
-- table, at every write.
CREATE TABLE service (
  code            INTEGER PRIMARY KEY CHECK (code > 0),
  name            TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status = 'A' OR status = 'B' OR status = 'S' OR status = 'C'),
  cli             TEXT,
  iccid           TEXT NOT NULL,
  network         TEXT NOT NULL REFERENCES network,
  contract        TEXT NOT NULL REFERENCES contract,
  customer        TEXT NOT NULL REFERENCES customer,
  tariff          TEXT NOT NULL REFERENCES tariff,
  reporting_group TEXT,
  apns            TEXT NOT NULL DEFAULT '[]',
  boltons         TEXT NOT NULL DEFAULT '[]',
  bars            TEXT NOT NULL DEFAULT '[]'
) STRICT;

-- A SIM and a number are in one live service at most: all live ones have 0 here, the others their own code. The same
-- indexes find every service that a SIM or number ever had.
CREATE UNIQUE INDEX service_iccid ON service (iccid, (CASE WHEN status IN ('A', 'B') THEN 0 ELSE code END));
CREATE UNIQUE INDEX service_cli ON service (cli, (CASE WHEN status IN ('A', 'B') THEN 0 ELSE code END))
  WHERE cli IS NOT NULL;

-- What a network is to have, in the order in which it is checked.
CREATE INDEX service_live ON service (network, code) WHERE status IN ('A', 'B');

-- ---------------------------------------------------------------------------------------------- portal customers

-- There is a row from the first completed enable (or the adoption) on; before it the version counts as 0.
CREATE TABLE portal_customer (
  tenant       TEXT    NOT NULL REFERENCES tenant,
  par_cust_id  TEXT    NOT NULL,
  enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  own_password INTEGER NOT NULL CHECK (own_password IN (0, 1)),
  secret       TEXT, -- a PHC string, and what was hashed
  secret_form  TEXT    CHECK (secret_form = 'md5hex' OR secret_form = 'plain'),
  sessions     INTEGER NOT NULL DEFAULT 0 CHECK (sessions >= 0),
  version      INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
  PRIMARY KEY (tenant, par_cust_id),
  CHECK ((secret IS NULL) = (secret_form IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE portal_pack (
  tenant      TEXT NOT NULL,
  par_cust_id TEXT NOT NULL,
  name        TEXT NOT NULL,
  value       TEXT NOT NULL,
  PRIMARY KEY (tenant, par_cust_id, name),
  FOREIGN KEY (tenant, par_cust_id) REFERENCES portal_customer
) STRICT, WITHOUT ROWID;

-- In the order in which lists show them: the primary one first, then by address.
CREATE TABLE mailbox (
  tenant      TEXT    NOT NULL,
  par_cust_id TEXT    NOT NULL,
  kind        TEXT    NOT NULL CHECK (kind = 'primary' OR kind = 'additional'),
  address     TEXT    NOT NULL,
  address_key TEXT    NOT NULL CHECK (address_key = lower(address)),
  forward     TEXT,
  keep_copy   INTEGER NOT NULL CHECK (keep_copy IN (0, 1)),
  quota_bytes INTEGER NOT NULL CHECK (quota_bytes >= 0),
  kept_until  INTEGER, -- of one that was switched off
  PRIMARY KEY (tenant, par_cust_id, kind DESC, address),
  FOREIGN KEY (tenant, par_cust_id) REFERENCES portal_customer
) STRICT, WITHOUT ROWID;

-- An address is one mailbox's, whoever its customer is; a customer has one primary mailbox at most.
CREATE UNIQUE INDEX mailbox_address ON mailbox (address_key);
CREATE UNIQUE INDEX mailbox_primary ON mailbox (tenant, par_cust_id) WHERE kind = 'primary';

-- ---------------------------------------------------------------------------------------------- users

CREATE TABLE app_user (
  id              INTEGER PRIMARY KEY,
  username        TEXT    NOT NULL UNIQUE,
  kind            TEXT    NOT NULL CHECK (kind IN ('account', 'group', 'service', 'tenant')),
  reporting_group TEXT,
  service         INTEGER,
  tenant          TEXT    REFERENCES tenant,
  password_hash   TEXT    NOT NULL,
  locked          INTEGER NOT NULL DEFAULT 0 CHECK (locked IN (0, 1)),
  CHECK ((reporting_group IS NOT NULL) = (kind = 'group')),
  CHECK ((service IS NOT NULL) = (kind = 'service')),
  CHECK ((tenant IS NOT NULL) = (kind = 'tenant'))
) STRICT;

CREATE TABLE user_customer (
  user_id  INTEGER NOT NULL REFERENCES app_user,
  customer TEXT    NOT NULL REFERENCES customer,
  PRIMARY KEY (user_id, customer)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_bar (
  user_id INTEGER NOT NULL REFERENCES app_user,
  bar     TEXT    NOT NULL REFERENCES bar,
  PRIMARY KEY (user_id, bar)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_bolton (
  user_id INTEGER NOT NULL REFERENCES app_user,
  bolton  TEXT    NOT NULL REFERENCES bolton,
  PRIMARY KEY (user_id, bolton)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential (
  id         INTEGER PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES app_user,
  digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
  label      TEXT    NOT NULL,
  usable_for TEXT    NOT NULL CHECK (usable_for IN ('read', 'write')),
  networks   TEXT    NOT NULL CHECK (json_valid(networks)),
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;

CREATE INDEX credential_user ON credential (user_id);

-- ---------------------------------------------------------------------------------------------- tickets

-- Without foreign keys: what an order names is looked up when its ticket is opened, and nothing of it is ever deleted.
CREATE TABLE ticket (
  id             INTEGER PRIMARY KEY CHECK (id > 0), -- shared with support_case; see ticket_open.next_id
  state          TEXT    NOT NULL,
  kind           TEXT    NOT NULL,
  customer       TEXT    NOT NULL, -- of a portal customer: its tenant's name
  network        TEXT    NOT NULL,
  iccid          TEXT,    -- the SIM that it is about, or
  par_cust_id    TEXT,    -- the portal customer
  service        INTEGER,
  cli            TEXT,    -- of a connect: the number reserved for it
  order_json     TEXT    NOT NULL,
  subjects       TEXT    NOT NULL, -- the keys it holds in subject_lock while it is open, as a JSON array
  raised_by      TEXT    NOT NULL,
  raised_at      INTEGER NOT NULL,
  due_at         INTEGER NOT NULL, -- pending: when it may be claimed; running: when its lease ends
  finished_at    INTEGER,
  epoch          INTEGER NOT NULL DEFAULT 0 CHECK (epoch >= 0),    -- how often it was claimed
  attempts       INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- those that count towards the limit
  in_doubt       INTEGER NOT NULL DEFAULT 0 CHECK (in_doubt IN (0, 1)),
  worker         BLOB,
  failure_kind   TEXT,
  failure_reason TEXT,
  accepted       TEXT, -- what the network accepted and since when, as JSON; what comes of it will be known later
  report_epoch   INTEGER, -- the attempt that the network reported about
  report         TEXT,    -- what it reported, as JSON
  CHECK (
    CASE state
      WHEN 'pending' THEN finished_at IS NULL AND worker IS NULL
      WHEN 'running' THEN finished_at IS NULL AND worker IS NOT NULL
      WHEN 'unknown' THEN finished_at IS NULL AND worker IS NULL AND failure_kind IS NOT NULL
      WHEN 'completed' THEN finished_at IS NOT NULL AND worker IS NULL AND failure_kind IS NULL
      WHEN 'failed' THEN finished_at IS NOT NULL AND worker IS NULL AND failure_kind IS NOT NULL
      WHEN 'cancelled' THEN finished_at IS NOT NULL AND worker IS NULL AND failure_kind IS NOT NULL
      ELSE FALSE
    END
  ),
  CHECK ((failure_kind IS NULL) = (failure_reason IS NULL)),
  CHECK ((report IS NULL) = (report_epoch IS NULL)),
  CHECK ((iccid IS NULL) <> (par_cust_id IS NULL)),
  CHECK (par_cust_id IS NULL OR (service IS NULL AND cli IS NULL))
) STRICT;

-- What a worker can claim, by customer: the claim walks customers and takes from the front of each.
CREATE INDEX ticket_claimable ON ticket (network, customer, due_at) WHERE state IN ('pending', 'running');
-- What ended when, in the order in which its SIMs are checked again.
CREATE INDEX ticket_ended ON ticket (network, finished_at, id) WHERE finished_at IS NOT NULL;
-- For lists, newest first.
CREATE INDEX ticket_customer ON ticket (customer);
CREATE INDEX ticket_iccid ON ticket (iccid) WHERE iccid IS NOT NULL;
CREATE INDEX ticket_portal ON ticket (customer, par_cust_id) WHERE par_cust_id IS NOT NULL;

-- At most one open ticket per subject: this primary key is that rule.
CREATE TABLE subject_lock (
  subject   TEXT    NOT NULL PRIMARY KEY,
  ticket_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The password that an order brings. Gone in the transaction that ends its ticket.
CREATE TABLE ticket_secret (
  ticket_id INTEGER PRIMARY KEY,
  phc       TEXT NOT NULL,
  form      TEXT NOT NULL CHECK (form = 'md5hex' OR form = 'plain')
) STRICT;

-- The requests of portal customers as their providers number them: in each relation of a tenant from 1 up, without gaps.
CREATE TABLE portal_request (
  tenant      TEXT    NOT NULL,
  relation    TEXT    NOT NULL CHECK (relation = 'access' OR relation = 'packs'),
  sequence    INTEGER NOT NULL CHECK (sequence > 0),
  par_cust_id TEXT    NOT NULL,
  action      TEXT    NOT NULL CHECK (action = 'enable' OR action = 'disable'),
  pack        TEXT,
  value       TEXT,
  ticket_id   INTEGER NOT NULL,
  PRIMARY KEY (tenant, relation, sequence),
  CHECK ((pack IS NOT NULL) = (relation = 'packs')),
  CHECK ((pack IS NULL) = (value IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX portal_request_ticket ON portal_request (ticket_id);
-- For an operator's own questions about one customer.
CREATE INDEX portal_request_customer ON portal_request (tenant, par_cust_id);

-- The document's two relations, for an operator's own SQL. Their columns stay; others may be added at the end.
CREATE VIEW authentication_ProvPortalAccess AS
SELECT
  portal_request.sequence, portal_request.tenant, portal_request.par_cust_id AS ParCustId, portal_request.action,
  portal_request.value, -- always NULL: a hash is never shown
  CASE ticket.state
    WHEN 'completed' THEN 'DONE' WHEN 'failed' THEN 'FAILED' WHEN 'cancelled' THEN 'FAILED' ELSE 'PENDING'
  END AS state,
  strftime('%Y-%m-%dT%H:%M:%fZ', ticket.raised_at / 1000.0, 'unixepoch') AS requested_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', ticket.finished_at / 1000.0, 'unixepoch') AS finished_at,
  ticket.id AS ticket
FROM portal_request
CROSS JOIN ticket ON ticket.id = portal_request.ticket_id
WHERE portal_request.relation = 'access';

CREATE VIEW authentication_ProvPortalPacks AS
SELECT
  portal_request.sequence, portal_request.tenant, portal_request.par_cust_id AS ParCustId, portal_request.action,
  portal_request.pack, portal_request.value,
  CASE ticket.state
    WHEN 'completed' THEN 'DONE' WHEN 'failed' THEN 'FAILED' WHEN 'cancelled' THEN 'FAILED' ELSE 'PENDING'
  END AS state,
  strftime('%Y-%m-%dT%H:%M:%fZ', ticket.raised_at / 1000.0, 'unixepoch') AS requested_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', ticket.finished_at / 1000.0, 'unixepoch') AS finished_at,
  ticket.id AS ticket
FROM portal_request
CROSS JOIN ticket ON ticket.id = portal_request.ticket_id
WHERE portal_request.relation = 'packs';

-- One settled attempt; also the record of what the engine did.
CREATE TABLE attempt (
  ticket_id      INTEGER NOT NULL,
  epoch          INTEGER NOT NULL,
  began_at       INTEGER NOT NULL,
  ended_at       INTEGER NOT NULL,
  state          TEXT    NOT NULL, -- the ticket's state after it
  failure_kind   TEXT,
  failure_reason TEXT,
  PRIMARY KEY (ticket_id, epoch)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------------------------------------- checks of networks

-- How far each walk through what is to be checked has come. live: services, by code (major); soon, late: tickets that
-- ended, by when (major) and number (minor); drift: drifts on record, by when they were seen, without a place.
CREATE TABLE sweep (
  network TEXT    NOT NULL,
  walk    TEXT    NOT NULL CHECK (walk = 'live' OR walk = 'soon' OR walk = 'late' OR walk = 'drift'),
  major   INTEGER NOT NULL, -- everything up to here was handed out
  minor   INTEGER NOT NULL,
  lap_at  INTEGER NOT NULL, -- when the walk began from its start
  due_at  INTEGER NOT NULL, -- when the next slice may be taken
  PRIMARY KEY (network, walk)
) STRICT, WITHOUT ROWID;

-- Slices that are being checked, and single tickets (walk ticket: major) whose SIMs are to be looked at again. One that is
-- not done at until_at belongs to whoever claims next.
CREATE TABLE sweep_slice (
  id       INTEGER PRIMARY KEY AUTOINCREMENT, -- never that of another slice, however late a node settles
  network  TEXT    NOT NULL,
  walk     TEXT    NOT NULL CHECK (walk = 'live' OR walk = 'soon' OR walk = 'late' OR walk = 'ticket'),
  major    INTEGER NOT NULL, -- after this
  minor    INTEGER NOT NULL,
  to_major INTEGER NOT NULL, -- up to this
  to_minor INTEGER NOT NULL,
  until_at INTEGER NOT NULL,
  tries    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX sweep_slice_lapsed ON sweep_slice (network, until_at);

-- What a network has otherwise than the books say. A row goes when they agree again.
CREATE TABLE drift (
  network   TEXT    NOT NULL,
  iccid     TEXT    NOT NULL,
  kind      TEXT    NOT NULL CHECK (kind = 'own' OR kind = 'foreign' OR kind = 'restored'),
  found     TEXT    NOT NULL,
  what      TEXT    NOT NULL,
  since_at  INTEGER NOT NULL,
  seen_at   INTEGER NOT NULL,
  ticket_id INTEGER, -- the last ticket that was to repair it
  repairs   INTEGER NOT NULL DEFAULT 0 CHECK (repairs >= 0),
  PRIMARY KEY (network, iccid),
  CHECK ((ticket_id IS NULL) = (repairs = 0))
) STRICT, WITHOUT ROWID;

CREATE INDEX drift_seen ON drift (network, seen_at);

-- ---------------------------------------------------------------------------------------------- callers and people

CREATE TABLE idempotency (
  user_id     INTEGER NOT NULL REFERENCES app_user,
  method      TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
  ticket_id   INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (user_id, method, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_expiry ON idempotency (expires_at);

-- Where passwords were guessed at. A place is a digest: neither names nor addresses of strangers are kept.
CREATE TABLE guess (
  place    BLOB    PRIMARY KEY CHECK (length(place) = 32),
  failures INTEGER NOT NULL CHECK (failures > 0),
  last_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX guess_age ON guess (last_at);

CREATE TABLE support_case (
  id           INTEGER PRIMARY KEY CHECK (id > 0), -- shared with ticket
  ticket_type  TEXT    NOT NULL REFERENCES ticket_type,
  user_id      INTEGER NOT NULL REFERENCES app_user,
  customer     TEXT    REFERENCES customer, -- of the service, where there is one
  service      INTEGER REFERENCES service,
  message      TEXT    NOT NULL,
  file_name    TEXT,
  file_content BLOB,
  raised_by    TEXT    NOT NULL,
  raised_at    INTEGER NOT NULL,
  closed_at    INTEGER,
  close_reason TEXT, -- what people said when they closed it
  CHECK ((file_name IS NULL) = (file_content IS NULL)),
  CHECK ((service IS NULL) = (customer IS NULL)),
  CHECK (close_reason IS NULL OR closed_at IS NOT NULL)
) STRICT;

CREATE INDEX support_case_open ON support_case (id) WHERE closed_at IS NULL;

-- What people and callers did. Nothing in it is ever changed.
CREATE TABLE audit (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  actor      TEXT    NOT NULL,
  action     TEXT    NOT NULL,
  object     TEXT    NOT NULL,
  request_id TEXT,
  detail     TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is never changed');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is never deleted');
END;
