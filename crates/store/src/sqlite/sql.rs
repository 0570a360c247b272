//! Every statement of the store, from its file in `sql/sqlite/`.
//!
//! A file is named after the store method that uses it, with a step where there are several. Placeholders are
//! numbered (`?1`): a `$1` would be a *name* to SQLite, numbered by where it first stands.

macro_rules! statements {
    ($($name:ident = $file:literal;)*) => {
        $(
            #[doc = concat!("`sql/sqlite/", $file, ".sql`")]
            pub(super) const $name: &str =
                include_str!(concat!("../../sql/sqlite/", $file, ".sql"));
        )*

        /// All of them, each with its file's name.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

statements! {
    AUDIT_ADD = "audit_add";
    CONTRACT_COUNT = "contract_count";
    CONTRACT_LIST = "contract_list";
    FACTS_APN = "facts.apn";
    FACTS_BAR = "facts.bar";
    FACTS_BOLTON = "facts.bolton";
    FACTS_CONTRACT = "facts.contract";
    FACTS_REMEMBERED = "facts.remembered";
    FACTS_SIM = "facts.sim";
    FACTS_TARIFF = "facts.tariff";
    FACTS_TEMPLATE = "facts.template";
    SERVICE_ADD = "service_add";
    SERVICE_FIND_CLI = "service_find.cli";
    SERVICE_FIND_CODE = "service_find.code";
    SERVICE_FIND_ICCID = "service_find.iccid";
    SIM_FIND = "sim_find";
    SIM_SET = "sim_set";
    SIM_TOUCH = "sim_touch";
    SUPPORT_CASE_OPEN = "support_case_open";
    TICKET_CLAIM_DUE = "ticket_claim.due";
    TICKET_CLAIM_NEXT_CUSTOMER = "ticket_claim.next_customer";
    TICKET_CLAIM_NUMBER_KNOWN = "ticket_claim.number_known";
    TICKET_CLAIM_NUMBER_RESTED = "ticket_claim.number_rested";
    TICKET_CLAIM_NUMBER_TAKEN = "ticket_claim.number_taken";
    TICKET_CLAIM_NUMBER_USE = "ticket_claim.number_use";
    TICKET_CLAIM_RANGE = "ticket_claim.range";
    TICKET_CLAIM_RANGE_SET = "ticket_claim.range_set";
    TICKET_CLAIM_TAKE = "ticket_claim.take";
    TICKET_FIND_CASE = "ticket_find.case";
    TICKET_FIND_TICKET = "ticket_find.ticket";
    TICKET_OPEN_FORGET = "ticket_open.forget";
    TICKET_OPEN_LOCK = "ticket_open.lock";
    TICKET_OPEN_NEXT_ID = "ticket_open.next_id";
    TICKET_OPEN_REMEMBER = "ticket_open.remember";
    TICKET_OPEN_REMEMBERED = "ticket_open.remembered";
    TICKET_OPEN_SUBJECT = "ticket_open.subject";
    TICKET_OPEN_TICKET = "ticket_open.ticket";
    TICKET_RESCUE = "ticket_rescue";
    TICKET_SETTLE_ATTEMPT = "ticket_settle.attempt";
    TICKET_SETTLE_LEASE = "ticket_settle.lease";
    TICKET_SETTLE_NEXT_SERVICE = "ticket_settle.next_service";
    TICKET_SETTLE_NUMBER_NOTE = "ticket_settle.number_note";
    TICKET_SETTLE_NUMBER_REST = "ticket_settle.number_rest";
    TICKET_SETTLE_SERVICE = "ticket_settle.service";
    TICKET_SETTLE_TICKET = "ticket_settle.ticket";
    TICKET_SETTLE_UNLOCK = "ticket_settle.unlock";
    TICKET_TYPE_FIND = "ticket_type_find";
}
