//! Every statement of the store, from its file in `sql/postgres/`.
//!
//! A file is named after the store method that uses it, with a step where there are several, as in `sql/sqlite/`; a
//! test compares the two folders.
//!
//! Rows are looked up by a join with what was asked for that says `column = ANY (ARRAY[asked.value])` where `column =
//! asked.value` would do: only an index can answer that. The plain form may be answered by going through all of a table, and
//! is while the planner takes the table for empty, as a queue is most of the time. Where two columns are looked for, the planner may take
//! one of them for the index and check the other; there a question of its own, `(SELECT … WHERE a = … AND b = …)`, is sure.

macro_rules! statements {
    ($($name:ident = $file:literal;)*) => {
        $(
            #[doc = concat!("`sql/postgres/", $file, ".sql`")]
            pub(crate) const $name: &str =
                include_str!(concat!("../../sql/postgres/", $file, ".sql"));
        )*

        /// All of them, each with its file's name.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

statements! {
    ADOPT_BEGIN = "adopt_begin";
    ADOPT_BEGIN_ALONE = "adopt_begin.alone";
    ADOPT_FINISH = "adopt_finish";
    ADOPT_READ = "adopt_read";
    ADOPT_STATUS = "adopt_status";
    AUDIT_ADD = "audit_add";
    BOOKS_GENERATION = "books_generation";
    BOOKS_RESTORED = "books_restored";
    CATALOGUE_READ_APN = "catalogue_read.apn";
    CATALOGUE_READ_BAR = "catalogue_read.bar";
    CATALOGUE_READ_BOLTON = "catalogue_read.bolton";
    CATALOGUE_READ_CONTRACT = "catalogue_read.contract";
    CATALOGUE_READ_CUSTOMER = "catalogue_read.customer";
    CATALOGUE_READ_SERVICE = "catalogue_read.service";
    CATALOGUE_READ_SIM = "catalogue_read.sim";
    CATALOGUE_READ_TARIFF = "catalogue_read.tariff";
    CATALOGUE_READ_TEMPLATE = "catalogue_read.template";
    CATALOGUE_READ_TENANT = "catalogue_read.tenant";
    CATALOGUE_READ_TICKET_TYPE = "catalogue_read.ticket_type";
    CATALOGUE_READ_USER = "catalogue_read.user";
    CATALOGUE_READ_USER_BAR = "catalogue_read.user_bar";
    CATALOGUE_READ_USER_BOLTON = "catalogue_read.user_bolton";
    CATALOGUE_READ_USER_CUSTOMER = "catalogue_read.user_customer";
    CATALOGUE_WRITE_APN = "catalogue_write.apn";
    CATALOGUE_WRITE_APN_KNOWN = "catalogue_write.apn_known";
    CATALOGUE_WRITE_BAR = "catalogue_write.bar";
    CATALOGUE_WRITE_BOLTON = "catalogue_write.bolton";
    CATALOGUE_WRITE_BOLTON_KNOWN = "catalogue_write.bolton_known";
    CATALOGUE_WRITE_CONTRACT = "catalogue_write.contract";
    CATALOGUE_WRITE_CONTRACT_CUSTOMER = "catalogue_write.contract_customer";
    CATALOGUE_WRITE_CUSTOMER = "catalogue_write.customer";
    CATALOGUE_WRITE_HOLD = "catalogue_write.hold";
    CATALOGUE_WRITE_LET_GO = "catalogue_write.let_go";
    CATALOGUE_WRITE_NETWORK = "catalogue_write.network";
    CATALOGUE_WRITE_SERVICE_CODE = "catalogue_write.service_code";
    CATALOGUE_WRITE_SERVICE_KNOWN = "catalogue_write.service_known";
    CATALOGUE_WRITE_SIM_ADD = "catalogue_write.sim_add";
    CATALOGUE_WRITE_SIM_CHANGE = "catalogue_write.sim_change";
    CATALOGUE_WRITE_SIM_FIND = "catalogue_write.sim_find";
    CATALOGUE_WRITE_TARIFF = "catalogue_write.tariff";
    CATALOGUE_WRITE_TEMPLATE = "catalogue_write.template";
    CATALOGUE_WRITE_TENANT = "catalogue_write.tenant";
    CATALOGUE_WRITE_TICKET_TYPE = "catalogue_write.ticket_type";
    CHECK_PAGE_ENDED = "check_page.ended";
    CHECK_PAGE_LIVE = "check_page.live";
    CHECK_PAGE_SIM = "check_page.sim";
    CHECK_PAGE_TICKET = "check_page.ticket";
    CLOCK = "clock";
    CONTRACT_COUNT = "contract_count";
    CONTRACT_LIST = "contract_list";
    CONFIRM = "confirm";
    COPY_IDENTITIES = "copy.identities";
    COPY_NUMBERS = "copy.numbers";
    COPY_TABLES = "copy.tables";
    CREDENTIAL_ADD = "credential_add";
    CREDENTIAL_AUTH = "credential_auth";
    CREDENTIAL_LIST = "credential_list";
    CREDENTIAL_OWNER = "credential_owner";
    CREDENTIAL_REVOKE = "credential_revoke";
    DRIFT_LIST = "drift_list";
    DRIFT_REPAIRED = "drift_repaired";
    DRIFT_STATS = "drift_stats";
    FACTS_APN = "facts.apn";
    FACTS_BAR = "facts.bar";
    FACTS_BOLTON = "facts.bolton";
    FACTS_CONNECT = "facts.connect";
    FACTS_REMEMBERED = "facts.remembered";
    FACTS_SERVICE_CLI = "facts.service_cli";
    FACTS_SERVICE_CODE = "facts.service_code";
    FACTS_SERVICE_ICCID = "facts.service_iccid";
    FACTS_SIM = "facts.sim";
    FACTS_TEMPLATE = "facts.template";
    GUESS_FAILED = "guess_failed";
    GUESS_FAILED_FORGET = "guess_failed.forget";
    GUESS_FORGIVEN = "guess_forgiven";
    GUESSES = "guesses";
    HEARTBEAT = "heartbeat";
    INSTALLATION_KEY = "installation_key";
    MAINTENANCE_SET = "maintenance_set";
    NETWORK_LIST = "network_list";
    OPEN_PAGE = "open_page";
    PING = "ping";
    PORTAL_AUTH = "portal_auth";
    PORTAL_FIND_CUSTOMER = "portal_find.customer";
    PORTAL_FIND_LOCK = "portal_find.lock";
    PORTAL_FIND_MAILBOXES = "portal_find.mailboxes";
    PORTAL_FIND_PACKS = "portal_find.packs";
    PORTAL_FIND_TAKEN = "portal_find.taken";
    PORTAL_PAGE = "portal_page";
    PORTAL_PAGE_MAILBOXES = "portal_page.mailboxes";
    PORTAL_PAGE_PACKS = "portal_page.packs";
    PORTAL_REQUEST = "portal_request";
    PORTAL_SET_CLEAR_MAILBOXES = "portal_set.clear_mailboxes";
    PORTAL_SET_CLEAR_PACKS = "portal_set.clear_packs";
    PORTAL_SET_CUSTOMER = "portal_set.customer";
    PORTAL_SET_MAILBOX = "portal_set.mailbox";
    PORTAL_SET_PACK = "portal_set.pack";
    PORTAL_TOUCH = "portal_touch";
    QUEUE_STATS = "queue_stats";
    SERVICE_ADD = "service_add";
    SERVICE_CLOSE = "service_close";
    SERVICE_CLOSE_FIND = "service_close.find";
    SERVICE_FIND_CLI = "service_find.cli";
    SERVICE_FIND_CODE = "service_find.code";
    SERVICE_FIND_ICCID = "service_find.iccid";
    SIM_ASKED = "sim_asked";
    SIM_FIND = "sim_find";
    SIM_IMPORT_ABANDON_DONE = "sim_import_abandon.done";
    SIM_IMPORT_ABANDON_KEYS = "sim_import_abandon.keys";
    SIM_IMPORT_ABANDON_LEAVE = "sim_import_abandon.leave";
    SIM_IMPORT_ABANDON_SIMS = "sim_import_abandon.sims";
    SIM_IMPORT_ABANDON_STEP = "sim_import_abandon.step";
    SIM_IMPORT_BEGIN = "sim_import_begin";
    SIM_IMPORT_BEGIN_DEAD = "sim_import_begin.dead";
    SIM_IMPORT_FINISH = "sim_import_finish";
    SIM_IMPORT_ROWS_KEY = "sim_import_rows.key";
    SIM_IMPORT_ROWS_SIM = "sim_import_rows.sim";
    SIM_IMPORT_ROWS_STATE = "sim_import_rows.state";
    SIM_IMPORT_ROWS_WHY = "sim_import_rows.why";
    SIM_IMPORT_SEALED = "sim_import_sealed";
    SIM_SET = "sim_set";
    SIM_TOUCH = "sim_touch";
    STAMP = "stamp";
    STAMP_MOVE = "stamp_move";
    SUPPORT_CASE_CLOSE = "support_case_close";
    SUPPORT_CASE_CLOSE_KNOWN = "support_case_close.known";
    SUPPORT_CASE_LIST_ALL = "support_case_list.all";
    SUPPORT_CASE_LIST_OPEN = "support_case_list.open";
    SUPPORT_CASE_OPEN = "support_case_open";
    SUPPORT_CASE_SHOW = "support_case_show";
    SWEEP_AGAIN = "sweep_again";
    SWEEP_CLAIM_AT = "sweep_claim.at";
    SWEEP_CLAIM_BEGIN = "sweep_claim.begin";
    SWEEP_CLAIM_DRIFT = "sweep_claim.drift";
    SWEEP_CLAIM_LAPSED = "sweep_claim.lapsed";
    SWEEP_CLAIM_MOVE = "sweep_claim.move";
    SWEEP_CLAIM_SLICE = "sweep_claim.slice";
    SWEEP_SETTLE_DRIFT = "sweep_settle.drift";
    SWEEP_SETTLE_FOUND = "sweep_settle.found";
    SWEEP_SETTLE_OVER = "sweep_settle.over";
    SWEEP_SETTLE_SLICE = "sweep_settle.slice";
    SWEEP_SIZE = "sweep_size";
    TICKET_CANCEL = "ticket_cancel";
    TICKET_CLAIM_ADOPTING = "ticket_claim.adopting";
    TICKET_CLAIM_DUE = "ticket_claim.due";
    TICKET_CLAIM_KEYS = "ticket_claim.keys";
    TICKET_CLAIM_NUMBER_FREE = "ticket_claim.number_free";
    TICKET_CLAIM_NUMBER_RESTED = "ticket_claim.number_rested";
    TICKET_CLAIM_NUMBER_USE = "ticket_claim.number_use";
    TICKET_CLAIM_RANGE = "ticket_claim.range";
    TICKET_CLAIM_RANGE_SET = "ticket_claim.range_set";
    TICKET_CLAIM_SECRET = "ticket_claim.secret";
    TICKET_CLAIM_TAKE = "ticket_claim.take";
    TICKET_CLAIM_WALK = "ticket_claim.walk";
    TICKET_FIND_CASE = "ticket_find.case";
    TICKET_FIND_TICKET = "ticket_find.ticket";
    TICKET_LIST_ALL = "ticket_list.all";
    TICKET_LIST_CUSTOMER = "ticket_list.customer";
    TICKET_LIST_ICCID = "ticket_list.iccid";
    TICKET_LIST_OPEN = "ticket_list.open";
    TICKET_LIST_PORTAL = "ticket_list.portal";
    TICKET_MOVE_FIND = "ticket_move.find";
    TICKET_MOVE_HOLD = "ticket_move.hold";
    TICKET_OPEN_FORGET = "ticket_open.forget";
    TICKET_OPEN_LOCK = "ticket_open.lock";
    TICKET_OPEN_NEXT_ID = "ticket_open.next_id";
    TICKET_OPEN_PORTAL = "ticket_open.portal";
    TICKET_OPEN_QUEUE = "ticket_open.queue";
    TICKET_OPEN_REMEMBER = "ticket_open.remember";
    TICKET_OPEN_REMEMBERED = "ticket_open.remembered";
    TICKET_OPEN_REQUEST = "ticket_open.request";
    TICKET_OPEN_SECRET = "ticket_open.secret";
    TICKET_OPEN_SUBJECT = "ticket_open.subject";
    TICKET_OPEN_TAKE_BACK = "ticket_open.take_back";
    TICKET_OPEN_TICKET = "ticket_open.ticket";
    TICKET_OPEN_TURN = "ticket_open.turn";
    TICKET_OPEN_WRITTEN = "ticket_open.written";
    TICKET_REPORT = "ticket_report";
    TICKET_RESCUE = "ticket_rescue";
    TICKET_RETRY = "ticket_retry";
    TICKET_SETTLE_ATTEMPT = "ticket_settle.attempt";
    TICKET_SETTLE_ENDED = "ticket_settle.ended";
    TICKET_SETTLE_FORGET = "ticket_settle.forget";
    TICKET_SETTLE_LEASE = "ticket_settle.lease";
    TICKET_SETTLE_NEXT_SERVICE = "ticket_settle.next_service";
    TICKET_SETTLE_NUMBER_NOTE = "ticket_settle.number_note";
    TICKET_SETTLE_NUMBER_REST = "ticket_settle.number_rest";
    TICKET_SETTLE_QUEUE = "ticket_settle.queue";
    TICKET_SETTLE_SERVICE_KEPT = "ticket_settle.service_kept";
    TICKET_SETTLE_SERVICE_MOVED = "ticket_settle.service_moved";
    TICKET_SETTLE_TICKET = "ticket_settle.ticket";
    TICKET_SETTLE_UNLOCK = "ticket_settle.unlock";
    TICKET_SHOW_ATTEMPTS = "ticket_show.attempts";
    TICKET_SHOW_TICKET = "ticket_show.ticket";
    TICKET_TYPE_FIND = "ticket_type_find";
    USER_ADD = "user_add";
    USER_AUTH = "user_auth";
    USER_CHANGE_KIND = "user_change.kind";
    USER_CHANGE_LOCKED = "user_change.locked";
    USER_CHANGE_PASSWORD = "user_change.password";
    USER_GRANT_BAR = "user_grant.bar";
    USER_GRANT_BOLTON = "user_grant.bolton";
    USER_GRANT_CUSTOMER = "user_grant.customer";
    USER_ID = "user_id";
    USER_LIST = "user_list";
    USER_REVOKE_BAR = "user_revoke.bar";
    USER_REVOKE_BOLTON = "user_revoke.bolton";
    USER_REVOKE_CUSTOMER = "user_revoke.customer";
}
