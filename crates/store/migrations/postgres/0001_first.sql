-- 0001_first (postgres)
--
-- The same tables as on SQLite, in the schema `provisor`; what differs says why. Times are whole milliseconds since 1970
-- (UTC). Lists that belong to one row are JSON arrays on that row. Invariants are held here: by keys, unique indexes and
-- checks that tie a state to the columns it needs. Texts are compared byte by byte, whatever the database's own order.

CREATE SCHEMA provisor;
SET LOCAL search_path = provisor;

-- The migrations that this database has.
CREATE TABLE migration (
  number     BIGINT      NOT NULL PRIMARY KEY,
  oldest     BIGINT      NOT NULL, -- the oldest schema whose programs can work with the database from here on
  applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- The present moment by the database's clock: what leases go by, so that nodes whose clocks differ agree.
CREATE FUNCTION now_ms() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- Small facts about this installation: maintenance, stamps, the installation key.
CREATE TABLE setting (
  key    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  number BIGINT,
  secret BYTEA,
  CHECK ((number IS NULL) <> (secret IS NULL))
);

INSERT INTO setting (key, number) VALUES ('maintenance', 0), ('books.generation', 0), ('stamp.users', 0), ('stamp.networks', 0),
  ('adopting', 0),      -- 1: no ticket is carried out until the networks were read
  ('adopting.since', 0),
  ('adopting.read', 0), -- when all networks had been read, 0 before
  ('heartbeat', 0);     -- grows while servers run; a restored database has a smaller one than they remember

-- 366 random bits of the operating system.
INSERT INTO setting (key, secret) VALUES ('installation.key', sha256(
  uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
));

-- Numbers of tickets and support cases, and codes of services. A number that was handed out and not used is a gap.
CREATE SEQUENCE ticket_number START 1224;
CREATE SEQUENCE service_code START 5012345;

-- ---------------------------------------------------------------------------------------------- catalogue

CREATE TABLE network (
  code        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  driver      TEXT COLLATE "C" NOT NULL,
  range_first TEXT COLLATE "C",
  range_last  TEXT COLLATE "C",
  range_next  BIGINT NOT NULL DEFAULT 0 CHECK (range_next >= 0), -- steps after range_first, next to be tried
  drift       TEXT COLLATE "C" NOT NULL CHECK (drift IN ('report', 'repair-own', 'repair')),
  settings    TEXT COLLATE "C" NOT NULL CHECK (settings::json IS NOT NULL),
  CHECK ((range_first IS NULL) = (range_last IS NULL)),
  CHECK (length(range_first) = length(range_last) AND range_first <= range_last)
);

CREATE TABLE tariff (
  code    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name    TEXT COLLATE "C" NOT NULL,
  network TEXT COLLATE "C" NOT NULL REFERENCES network
);

CREATE TABLE apn (
  code    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name    TEXT COLLATE "C" NOT NULL,
  network TEXT COLLATE "C" NOT NULL REFERENCES network
);

CREATE TABLE bolton (
  code    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name    TEXT COLLATE "C" NOT NULL,
  network TEXT COLLATE "C" NOT NULL REFERENCES network
);

CREATE TABLE bar (
  code     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name     TEXT COLLATE "C" NOT NULL,
  network  TEXT COLLATE "C" NOT NULL REFERENCES network,
  suspends BOOLEAN NOT NULL
);

CREATE TABLE template (
  code    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  tariff  TEXT COLLATE "C" NOT NULL REFERENCES tariff,
  apns    TEXT COLLATE "C" NOT NULL CHECK (apns::json IS NOT NULL),
  boltons TEXT COLLATE "C" NOT NULL CHECK (boltons::json IS NOT NULL)
);

CREATE TABLE ticket_type (
  code       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name       TEXT COLLATE "C" NOT NULL,
  needs_file BOOLEAN NOT NULL
);

CREATE TABLE tenant (
  name           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  mail_domain    TEXT COLLATE "C" NOT NULL,
  mail           TEXT COLLATE "C" NOT NULL REFERENCES network,
  mailbox_bytes  BIGINT NOT NULL CHECK (mailbox_bytes >= 0),
  mail_kept_days BIGINT NOT NULL CHECK (mail_kept_days >= 0),
  is_default     BOOLEAN NOT NULL,
  networks       TEXT COLLATE "C" NOT NULL CHECK (networks::json IS NOT NULL),
  packs          TEXT COLLATE "C" NOT NULL CHECK (packs::json IS NOT NULL)
);

-- One tenant at most answers paths that name none.
CREATE UNIQUE INDEX tenant_default ON tenant (is_default) WHERE is_default;

-- ---------------------------------------------------------------------------------------------- customers

CREATE TABLE customer (
  number TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name   TEXT COLLATE "C" NOT NULL
);

CREATE TABLE contract (
  code            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  customer        TEXT COLLATE "C" NOT NULL REFERENCES customer,
  name            TEXT COLLATE "C" NOT NULL,
  -- Services in A or B; kept in the transaction that changes them.
  active_services BIGINT NOT NULL DEFAULT 0 CHECK (active_services >= 0)
);

CREATE INDEX contract_customer ON contract (customer);

-- ---------------------------------------------------------------------------------------------- stock

CREATE TABLE sim_import (
  id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  file      TEXT COLLATE "C" NOT NULL,
  -- landing: rows arrive; landed: all are there; leaving: rows are being deleted; abandoned: all are gone
  state     TEXT COLLATE "C" NOT NULL DEFAULT 'landing' CHECK (state IN ('landing', 'landed', 'leaving', 'abandoned')),
  begun_at  BIGINT NOT NULL,
  landed_at BIGINT,
  CHECK ((landed_at IS NOT NULL) = (state = 'landed'))
);

-- One import at a time: whoever begins another one takes the first one back.
CREATE UNIQUE INDEX sim_import_one_landing ON sim_import (state) WHERE state IN ('landing', 'leaving');

CREATE TABLE sim (
  iccid     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  imsi      TEXT COLLATE "C",
  msisdn    TEXT COLLATE "C",
  customer  TEXT COLLATE "C" NOT NULL REFERENCES customer,
  network   TEXT COLLATE "C"    REFERENCES network,
  state     TEXT COLLATE "C" NOT NULL CHECK (state = 'stock' OR state = 'in_use' OR state = 'retired'),
  version   BIGINT NOT NULL DEFAULT 1,
  import_id BIGINT REFERENCES sim_import -- the import that brought it
) WITH (
  -- Every ticket changes its SIM's state and version, those of a fleet all SIMs of a page. With room for each row's next
  -- version on its page, no index has to hear of it.
  fillfactor = 50
);

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
  iccid      TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES sim,
  ki_sealed  TEXT COLLATE "C",
  opc_sealed TEXT COLLATE "C",
  eid        TEXT COLLATE "C"
);

-- Numbers of a network's range that were ever given to a service.
CREATE TABLE number (
  msisdn  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  network TEXT COLLATE "C" NOT NULL REFERENCES network,
  state   TEXT COLLATE "C" NOT NULL CHECK (state IN ('used', 'quarantined')),
  free_at BIGINT, -- end of the quarantine
  CHECK ((free_at IS NOT NULL) = (state = 'quarantined'))
);

CREATE INDEX number_quarantined ON number (network, free_at, msisdn) WHERE state = 'quarantined';

-- ---------------------------------------------------------------------------------------------- services

-- Without foreign keys: SIM, network, contract, customer and tariff are looked up when the ticket is opened (or the service
-- adopted), and none of them is ever deleted. Keys would lock one row of the catalogue for all workers at every service.
CREATE TABLE service (
  code            BIGINT PRIMARY KEY CHECK (code > 0),
  name            TEXT COLLATE "C" NOT NULL,
  status          TEXT COLLATE "C" NOT NULL CHECK (status = 'A' OR status = 'B' OR status = 'S' OR status = 'C'),
  cli             TEXT COLLATE "C",
  iccid           TEXT COLLATE "C" NOT NULL,
  network         TEXT COLLATE "C" NOT NULL,
  contract        TEXT COLLATE "C" NOT NULL,
  customer        TEXT COLLATE "C" NOT NULL,
  tariff          TEXT COLLATE "C" NOT NULL,
  reporting_group TEXT COLLATE "C",
  apns            TEXT COLLATE "C" NOT NULL DEFAULT '[]',
  boltons         TEXT COLLATE "C" NOT NULL DEFAULT '[]',
  bars            TEXT COLLATE "C" NOT NULL DEFAULT '[]'
);

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
  tenant       TEXT COLLATE "C" NOT NULL REFERENCES tenant,
  par_cust_id  TEXT COLLATE "C" NOT NULL,
  enabled      BOOLEAN NOT NULL,
  own_password BOOLEAN NOT NULL,
  secret       TEXT COLLATE "C", -- a PHC string, and what was hashed
  secret_form  TEXT COLLATE "C"    CHECK (secret_form = 'md5hex' OR secret_form = 'plain'),
  sessions     BIGINT NOT NULL DEFAULT 0 CHECK (sessions >= 0),
  version      BIGINT NOT NULL DEFAULT 1 CHECK (version > 0),
  PRIMARY KEY (tenant, par_cust_id),
  CHECK ((secret IS NULL) = (secret_form IS NULL))
);

CREATE TABLE portal_pack (
  tenant      TEXT COLLATE "C" NOT NULL,
  par_cust_id TEXT COLLATE "C" NOT NULL,
  name        TEXT COLLATE "C" NOT NULL,
  value       TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, par_cust_id, name),
  FOREIGN KEY (tenant, par_cust_id) REFERENCES portal_customer
);

CREATE TABLE mailbox (
  tenant      TEXT COLLATE "C" NOT NULL,
  par_cust_id TEXT COLLATE "C" NOT NULL,
  kind        TEXT COLLATE "C" NOT NULL CHECK (kind = 'primary' OR kind = 'additional'),
  address     TEXT COLLATE "C" NOT NULL,
  address_key TEXT COLLATE "C" NOT NULL CHECK (address_key = lower(address)),
  forward     TEXT COLLATE "C",
  keep_copy   BOOLEAN NOT NULL,
  quota_bytes BIGINT NOT NULL CHECK (quota_bytes >= 0),
  kept_until  BIGINT, -- of one that was switched off
  PRIMARY KEY (tenant, par_cust_id, address),
  FOREIGN KEY (tenant, par_cust_id) REFERENCES portal_customer
);

-- An address is one mailbox's, whoever its customer is; a customer has one primary mailbox at most.
CREATE UNIQUE INDEX mailbox_address ON mailbox (address_key);
CREATE UNIQUE INDEX mailbox_primary ON mailbox (tenant, par_cust_id) WHERE kind = 'primary';

-- ---------------------------------------------------------------------------------------------- users

CREATE TABLE app_user (
  id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  username        TEXT COLLATE "C" NOT NULL UNIQUE,
  kind            TEXT COLLATE "C" NOT NULL CHECK (kind IN ('account', 'group', 'service', 'tenant')),
  reporting_group TEXT COLLATE "C",
  service         BIGINT,
  tenant          TEXT COLLATE "C"    REFERENCES tenant,
  password_hash   TEXT COLLATE "C" NOT NULL,
  locked          BOOLEAN NOT NULL DEFAULT FALSE,
  CHECK ((reporting_group IS NOT NULL) = (kind = 'group')),
  CHECK ((service IS NOT NULL) = (kind = 'service')),
  CHECK ((tenant IS NOT NULL) = (kind = 'tenant'))
);

CREATE TABLE user_customer (
  user_id  BIGINT NOT NULL REFERENCES app_user,
  customer TEXT COLLATE "C" NOT NULL REFERENCES customer,
  PRIMARY KEY (user_id, customer)
);

CREATE TABLE user_bar (
  user_id BIGINT NOT NULL REFERENCES app_user,
  bar     TEXT COLLATE "C" NOT NULL REFERENCES bar,
  PRIMARY KEY (user_id, bar)
);

CREATE TABLE user_bolton (
  user_id BIGINT NOT NULL REFERENCES app_user,
  bolton  TEXT COLLATE "C" NOT NULL REFERENCES bolton,
  PRIMARY KEY (user_id, bolton)
);

CREATE TABLE credential (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id    BIGINT NOT NULL REFERENCES app_user,
  digest     BYTEA    NOT NULL UNIQUE CHECK (length(digest) = 32),
  label      TEXT COLLATE "C" NOT NULL,
  usable_for TEXT COLLATE "C" NOT NULL CHECK (usable_for IN ('read', 'write')),
  networks   TEXT COLLATE "C" NOT NULL CHECK (networks::json IS NOT NULL),
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT
);

CREATE INDEX credential_user ON credential (user_id);

-- ---------------------------------------------------------------------------------------------- tickets

-- A ticket is three rows, each written once or small: what was ordered, for good; while it is open, what changes until its
-- end; and how it ended, for good. What is claimed lies together in a small table, however many tickets have ended
-- (docs/adr/0017). Readers see the view `ticket`.
--
-- Without foreign keys: what an order names is looked up when its ticket is opened, and nothing of it is ever deleted.
CREATE TABLE ticket_record (
  id          BIGINT PRIMARY KEY CHECK (id > 0), -- shared with support_case
  kind        TEXT COLLATE "C" NOT NULL,
  customer    TEXT COLLATE "C" NOT NULL, -- of a portal customer: its tenant's name
  network     TEXT COLLATE "C" NOT NULL,
  iccid       TEXT COLLATE "C",    -- the SIM that it is about, or
  par_cust_id TEXT COLLATE "C",    -- the portal customer
  service     BIGINT, -- that was there before
  order_json  TEXT COLLATE "C" NOT NULL,
  raised_by   TEXT COLLATE "C" NOT NULL,
  raised_at   BIGINT NOT NULL,
  batch       BIGINT NOT NULL, -- the key of the call that wrote it: it finds out whether its commit happened
  CHECK ((iccid IS NULL) <> (par_cust_id IS NULL)),
  CHECK (par_cust_id IS NULL OR service IS NULL)
);

-- For lists, newest first. Not of `id` itself: who looks for a number must not be able to take one of these by mistake.
CREATE INDEX ticket_customer ON ticket_record (customer, (-id));
CREATE INDEX ticket_iccid ON ticket_record (iccid, (-id)) WHERE iccid IS NOT NULL;
CREATE INDEX ticket_portal ON ticket_record (customer, par_cust_id, (-id)) WHERE par_cust_id IS NOT NULL;

CREATE TABLE ticket_queue (
  id             BIGINT PRIMARY KEY,
  state          TEXT COLLATE "C" NOT NULL DEFAULT 'pending',
  network        TEXT COLLATE "C" NOT NULL,
  customer       TEXT COLLATE "C" NOT NULL,
  due_at         BIGINT NOT NULL, -- pending: when it may be claimed; running: when its lease ends
  epoch          BIGINT NOT NULL DEFAULT 0 CHECK (epoch >= 0),    -- how often it was claimed
  attempts       BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- those that count towards the limit
  in_doubt       BOOLEAN NOT NULL DEFAULT FALSE,
  worker         BYTEA,
  cli            TEXT COLLATE "C",    -- of a connect: the number reserved for it
  subjects       TEXT[]  NOT NULL, -- the keys it holds in subject_lock
  failure_kind   TEXT COLLATE "C",    -- of the last attempt
  failure_reason TEXT COLLATE "C",
  accepted       TEXT COLLATE "C", -- what the network accepted and since when, as JSON; what comes of it will be known later
  report_epoch   BIGINT, -- the attempt that the network reported about
  report         TEXT COLLATE "C",    -- what it reported, as JSON
  CHECK (
    CASE state
      WHEN 'pending' THEN worker IS NULL
      WHEN 'running' THEN worker IS NOT NULL
      WHEN 'unknown' THEN worker IS NULL AND failure_kind IS NOT NULL
      ELSE FALSE
    END
  ),
  CHECK ((failure_kind IS NULL) = (failure_reason IS NULL)),
  CHECK ((report IS NULL) = (report_epoch IS NULL))
) WITH (
  -- Every ticket leaves dead rows here: they are cleared away while there are few.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0
);

-- What a worker can claim, by customer: the claim walks customers and takes from the front of each.
CREATE INDEX ticket_claimable ON ticket_queue (network, customer, due_at, (id + 0)) WHERE state IN ('pending', 'running');

CREATE TABLE ticket_end (
  id             BIGINT PRIMARY KEY,
  state          TEXT COLLATE "C" NOT NULL,
  network        TEXT COLLATE "C" NOT NULL,
  finished_at    BIGINT NOT NULL,
  due_at         BIGINT NOT NULL,
  epoch          BIGINT NOT NULL CHECK (epoch >= 0),
  service        BIGINT,
  cli            TEXT COLLATE "C",
  subjects       TEXT[] NOT NULL, -- the keys that it held in subject_lock
  failure_kind   TEXT COLLATE "C",
  failure_reason TEXT COLLATE "C",
  CHECK (
    CASE state
      WHEN 'completed' THEN failure_kind IS NULL
      WHEN 'failed' THEN failure_kind IS NOT NULL
      WHEN 'cancelled' THEN failure_kind IS NOT NULL
      ELSE FALSE
    END
  ),
  CHECK ((failure_kind IS NULL) = (failure_reason IS NULL))
);

-- What ended when, in the order in which its SIMs are checked again.
CREATE INDEX ticket_ended ON ticket_end (network, finished_at, id);

CREATE VIEW ticket AS
SELECT
  record.id, coalesce(queue.state, ended.state) AS state, record.kind, record.customer, record.network, record.iccid,
  record.par_cust_id, coalesce(ended.service, record.service) AS service, coalesce(queue.cli, ended.cli) AS cli,
  record.order_json, coalesce(queue.subjects, ended.subjects) AS subjects, record.raised_by, record.raised_at,
  coalesce(queue.due_at, ended.due_at) AS due_at, ended.finished_at, coalesce(queue.epoch, ended.epoch) AS epoch,
  queue.attempts, queue.in_doubt, queue.worker,
  coalesce(queue.failure_kind, ended.failure_kind) AS failure_kind,
  coalesce(queue.failure_reason, ended.failure_reason) AS failure_reason
FROM ticket_record AS record
LEFT JOIN ticket_queue AS queue ON queue.id = ANY (ARRAY[record.id])
LEFT JOIN ticket_end AS ended ON ended.id = ANY (ARRAY[record.id]);

-- At most one open ticket per subject: this primary key is that rule.
CREATE TABLE subject_lock (
  subject   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  ticket_id BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);

-- The password that an order brings. Gone in the transaction that ends its ticket.
CREATE TABLE ticket_secret (
  ticket_id BIGINT PRIMARY KEY,
  phc       TEXT COLLATE "C" NOT NULL,
  form      TEXT COLLATE "C" NOT NULL CHECK (form = 'md5hex' OR form = 'plain')
);

-- The requests of portal customers as their providers number them: in each relation of a tenant from 1 up, without gaps.
CREATE TABLE portal_request (
  tenant      TEXT COLLATE "C" NOT NULL,
  relation    TEXT COLLATE "C" NOT NULL CHECK (relation = 'access' OR relation = 'packs'),
  sequence    BIGINT NOT NULL CHECK (sequence > 0),
  par_cust_id TEXT COLLATE "C" NOT NULL,
  action      TEXT COLLATE "C" NOT NULL CHECK (action = 'enable' OR action = 'disable'),
  pack        TEXT COLLATE "C",
  value       TEXT COLLATE "C",
  ticket_id   BIGINT NOT NULL,
  PRIMARY KEY (tenant, relation, sequence),
  CHECK ((pack IS NOT NULL) = (relation = 'packs')),
  CHECK ((pack IS NULL) = (value IS NULL))
);

-- The last number of each relation. Counted in the transaction that writes the request: who comes later waits for its
-- end, and what is rolled back has taken no number.
CREATE TABLE portal_counter (
  tenant   TEXT COLLATE "C" NOT NULL,
  relation TEXT COLLATE "C" NOT NULL,
  last     BIGINT           NOT NULL CHECK (last > 0),
  PRIMARY KEY (tenant, relation)
);

CREATE UNIQUE INDEX portal_request_ticket ON portal_request (ticket_id);
-- For an operator's own questions about one customer.
CREATE INDEX portal_request_customer ON portal_request (tenant, par_cust_id);

-- The document's two relations, for an operator's own SQL. Their columns stay; others may be added at the end.
CREATE SCHEMA IF NOT EXISTS authentication;

CREATE FUNCTION iso_time(ms BIGINT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_char(to_timestamp(ms / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

CREATE VIEW authentication."ProvPortalAccess" AS
SELECT
  portal_request.sequence, portal_request.tenant, portal_request.par_cust_id AS "ParCustId", portal_request.action,
  portal_request.value, -- always NULL: a hash is never shown
  CASE ticket.state
    WHEN 'completed' THEN 'DONE' WHEN 'failed' THEN 'FAILED' WHEN 'cancelled' THEN 'FAILED' ELSE 'PENDING'
  END AS state,
  iso_time(ticket.raised_at) AS requested_at,
  iso_time(ticket.finished_at) AS finished_at,
  ticket.id AS ticket
FROM portal_request
JOIN ticket ON ticket.id = ANY (ARRAY[portal_request.ticket_id])
WHERE portal_request.relation = 'access';

CREATE VIEW authentication."ProvPortalPacks" AS
SELECT
  portal_request.sequence, portal_request.tenant, portal_request.par_cust_id AS "ParCustId", portal_request.action,
  portal_request.pack, portal_request.value,
  CASE ticket.state
    WHEN 'completed' THEN 'DONE' WHEN 'failed' THEN 'FAILED' WHEN 'cancelled' THEN 'FAILED' ELSE 'PENDING'
  END AS state,
  iso_time(ticket.raised_at) AS requested_at,
  iso_time(ticket.finished_at) AS finished_at,
  ticket.id AS ticket
FROM portal_request
JOIN ticket ON ticket.id = ANY (ARRAY[portal_request.ticket_id])
WHERE portal_request.relation = 'packs';

-- One settled attempt; also the record of what the engine did.
CREATE TABLE attempt (
  ticket_id      BIGINT NOT NULL,
  epoch          BIGINT NOT NULL,
  began_at       BIGINT NOT NULL,
  ended_at       BIGINT NOT NULL,
  state          TEXT COLLATE "C" NOT NULL, -- the ticket's state after it
  failure_kind   TEXT COLLATE "C",
  failure_reason TEXT COLLATE "C",
  PRIMARY KEY (ticket_id, epoch)
);

-- ---------------------------------------------------------------------------------------------- checks of networks

-- How far each walk through what is to be checked has come. live: services, by code (major); soon, late: tickets that
-- ended, by when (major) and number (minor); drift: drifts on record, by when they were seen, without a place.
CREATE TABLE sweep (
  network TEXT COLLATE "C" NOT NULL,
  walk    TEXT COLLATE "C" NOT NULL CHECK (walk = 'live' OR walk = 'soon' OR walk = 'late' OR walk = 'drift'),
  major   BIGINT NOT NULL, -- everything up to here was handed out
  minor   BIGINT NOT NULL,
  lap_at  BIGINT NOT NULL, -- when the walk began from its start
  due_at  BIGINT NOT NULL, -- when the next slice may be taken
  PRIMARY KEY (network, walk)
);

-- Slices that are being checked, and single tickets (walk ticket: major) whose SIMs are to be looked at again. One that is
-- not done at until_at belongs to whoever claims next.
CREATE TABLE sweep_slice (
  id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  network  TEXT COLLATE "C" NOT NULL,
  walk     TEXT COLLATE "C" NOT NULL CHECK (walk = 'live' OR walk = 'soon' OR walk = 'late' OR walk = 'ticket'),
  major    BIGINT NOT NULL, -- after this
  minor    BIGINT NOT NULL,
  to_major BIGINT NOT NULL, -- up to this
  to_minor BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  tries    BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX sweep_slice_lapsed ON sweep_slice (network, until_at);

-- What a network has otherwise than the books say. A row goes when they agree again.
CREATE TABLE drift (
  network   TEXT COLLATE "C" NOT NULL,
  iccid     TEXT COLLATE "C" NOT NULL,
  kind      TEXT COLLATE "C" NOT NULL CHECK (kind = 'own' OR kind = 'foreign' OR kind = 'restored'),
  found     TEXT COLLATE "C" NOT NULL,
  what      TEXT COLLATE "C" NOT NULL,
  since_at  BIGINT NOT NULL,
  seen_at   BIGINT NOT NULL,
  ticket_id BIGINT, -- the last ticket that was to repair it
  repairs   BIGINT NOT NULL DEFAULT 0 CHECK (repairs >= 0),
  PRIMARY KEY (network, iccid),
  CHECK ((ticket_id IS NULL) = (repairs = 0))
);

CREATE INDEX drift_seen ON drift (network, seen_at);

-- ---------------------------------------------------------------------------------------------- callers and people

CREATE TABLE idempotency (
  user_id     BIGINT NOT NULL REFERENCES app_user,
  method      TEXT COLLATE "C" NOT NULL,
  key         TEXT COLLATE "C" NOT NULL,
  fingerprint BYTEA    NOT NULL CHECK (length(fingerprint) = 32),
  ticket_id   BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (user_id, method, key)
);

CREATE INDEX idempotency_expiry ON idempotency (expires_at);

-- Where passwords were guessed at. A place is a digest: neither names nor addresses of strangers are kept.
CREATE TABLE guess (
  place    BYTEA  PRIMARY KEY CHECK (length(place) = 32),
  failures BIGINT NOT NULL CHECK (failures > 0),
  last_at  BIGINT NOT NULL
);
CREATE INDEX guess_age ON guess (last_at);

CREATE TABLE support_case (
  id           BIGINT PRIMARY KEY CHECK (id > 0), -- shared with ticket
  ticket_type  TEXT COLLATE "C" NOT NULL REFERENCES ticket_type,
  user_id      BIGINT NOT NULL REFERENCES app_user,
  customer     TEXT COLLATE "C"    REFERENCES customer, -- of the service, where there is one
  service      BIGINT REFERENCES service,
  message      TEXT COLLATE "C" NOT NULL,
  file_name    TEXT COLLATE "C",
  file_content BYTEA,
  raised_by    TEXT COLLATE "C" NOT NULL,
  raised_at    BIGINT NOT NULL,
  closed_at    BIGINT,
  close_reason TEXT COLLATE "C", -- what people said when they closed it
  CHECK ((file_name IS NULL) = (file_content IS NULL)),
  CHECK ((service IS NULL) = (customer IS NULL)),
  CHECK (close_reason IS NULL OR closed_at IS NOT NULL)
);

CREATE INDEX support_case_open ON support_case (id) WHERE closed_at IS NULL;

-- What people and callers did. Nothing in it is ever changed.
CREATE TABLE audit (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         BIGINT NOT NULL,
  actor      TEXT COLLATE "C" NOT NULL,
  action     TEXT COLLATE "C" NOT NULL,
  object     TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C",
  detail     TEXT COLLATE "C" NOT NULL
);

CREATE FUNCTION audit_stays() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is never changed or deleted' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_stays();

CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
