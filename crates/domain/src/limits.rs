//! Every limit of the product, with its unit in its name. Over a limit there is a clear answer, never a surprise.

/// Longest code (contract, tariff, bar, …) in characters.
pub const CODE_CHARS_MAX: usize = 64;
/// Longest name of a service in Unicode scalar values (CCC document, "Change Service Name").
pub const NAME_CHARS_MAX: usize = 50;
/// Most APNs or bolt-ons on one service.
pub const PRODUCTS_PER_SERVICE_MAX: usize = 32;
/// Largest body of a request, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Largest report of a network, in bytes.
pub const REPORT_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of a JSON body.
pub const BODY_DEPTH_MAX: usize = 32;
/// Most values (members, elements and what is in them) of a JSON body. What is read costs far more memory than what
/// was sent, and it is read before anybody is signed in.
pub const BODY_VALUES_MAX: usize = 10_000;
/// Longest idempotency key in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long an idempotency key is remembered, in hours.
pub const IDEMPOTENCY_HOURS: i64 = 24;
/// Most tickets one call of the store opens, claims or settles.
pub const TICKETS_PER_BATCH_MAX: usize = 1_000;
/// How often a command is sent before its ticket ends, not counting attempts that met a network that was down.
pub const ATTEMPTS_MAX: u32 = 8;
/// How long a ticket may wait for a network that is down before it fails, in days.
pub const TICKET_AGE_DAYS_MAX: i64 = 7;
/// How long a claimed ticket belongs to its worker, in seconds.
pub const LEASE_SECONDS: u64 = 15;
/// How long one command at a network may take, in seconds. Well inside the lease, so that a settlement still fits.
pub const COMMAND_SECONDS_MAX: u64 = 5;
/// How long a query waits for what the network says, in seconds.
pub const NETWORK_STATUS_SECONDS_MAX: u64 = 2;
/// First and longest delay before a failed attempt is repeated, in milliseconds.
pub const RETRY_FIRST_MILLIS: u64 = 200;
/// Longest delay before a failed attempt is repeated, in milliseconds.
pub const RETRY_LONGEST_MILLIS: u64 = 60_000;
/// How long a number of a network's range rests after a disconnect, in days.
pub const NUMBER_QUARANTINE_DAYS: i64 = 30;
/// How long a verified credential is believed without checking it again, in seconds.
pub const CREDENTIAL_CACHE_SECONDS: u64 = 60;
/// Most verified credentials kept in memory.
pub const CREDENTIAL_CACHE_ENTRIES_MAX: u64 = 50_000;
/// Longest password in bytes; what is longer is refused before it is hashed.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Quiet places that are forgotten with one failed guess at a password.
pub const GUESS_PLACES_FORGOTTEN_MAX: u32 = 4;
/// Shortest password that a portal customer may choose, in characters (NIST SP 800-63B asks for 8 at least).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Most password checks waiting for a free core; over it the caller is asked to come back.
pub const PASSWORD_CHECKS_WAITING_MAX: usize = 256;
/// Longest file of a support case in bytes, after base64 is undone.
pub const SUPPORT_FILE_BYTES_MAX: usize = 700 * 1024;
/// Longest message of a support case in characters.
pub const SUPPORT_MESSAGE_CHARS_MAX: usize = 10_000;
/// Most support cases that one page of a list shows.
pub const CASES_PER_PAGE_MAX: usize = 1_000;
/// So much of a support case's message stands in a list, in characters.
pub const CASE_MESSAGE_LISTED_CHARS_MAX: usize = 80;
/// Longest reason that an operator gives, in characters.
pub const REASON_CHARS_MAX: usize = 1_000;
/// Rows of a SIM import that the store is given at once; how many of them land in one transaction is its business.
pub const IMPORT_ROWS_PER_BATCH: usize = 5_000;
/// Most bad rows of a SIM import that are named; the rest is counted.
pub const IMPORT_BAD_ROWS_NAMED_MAX: usize = 1_000;
/// Most tickets that one page of a list shows.
pub const TICKETS_PER_PAGE_MAX: usize = 10_000;
/// Most contracts of one customer: what `getContracts` answers at once.
pub const CONTRACTS_PER_CUSTOMER_MAX: usize = 10_000;
/// Most users that one page of a list shows.
pub const USERS_PER_PAGE_MAX: usize = 10_000;
/// Most credentials of a user that one page of a list shows.
pub const CREDENTIALS_PER_PAGE_MAX: usize = 1_000;
/// Longest number of a portal customer (`ParCustId`) in characters.
pub const PAR_CUST_ID_CHARS_MAX: usize = 64;
/// Longest mail address in bytes (RFC 5321, section 4.5.3.1.3, without the brackets).
pub const MAIL_ADDRESS_BYTES_MAX: usize = 254;
/// Longest local part of a mail address in bytes (RFC 5321, section 4.5.3.1.1).
pub const MAIL_LOCAL_PART_BYTES_MAX: usize = 64;
/// How long a changing call of the Simple Portal face waits for its ticket to end, in milliseconds.
pub const SETTLE_WAIT_MILLIS: u64 = 2_000;
/// What a mailbox holds where the tenant does not say, in bytes.
pub const MAILBOX_BYTES_DEFAULT: u64 = 1024 * 1024 * 1024;
/// How long the mail of a mailbox that was switched off is kept where the tenant does not say, in days.
pub const MAIL_KEPT_DAYS_DEFAULT: u16 = 30;
/// Most packs that one tenant sells.
pub const PACKS_PER_TENANT_MAX: usize = 64;
/// Most portal customers that one page of a read of all of them holds.
pub const PORTAL_CUSTOMERS_PER_PAGE_MAX: usize = 500;
/// How often a slice of a check is left behind by a node before it is given up.
pub const SLICE_TRIES_MAX: u32 = 5;
/// Most services or tickets in a slice or page of a check.
pub const SLICE_MAX: usize = 100;
/// Most tickets of a SIM from which is told what a network was asked for.
pub const ASKED_TICKETS_MAX: usize = 16;
/// Most drifts that one list shows.
pub const DRIFTS_PER_PAGE_MAX: usize = 10_000;
/// How often a drift is repaired by itself before a person must look.
pub const REPAIRS_MAX: u32 = 3;
