//! The codes of the wire, all of them, in the order of their numbers.
//!
//! The first document's table is the authority for the documented ones, spelling included. This list is what errors
//! are made from, what the page of codes shows, and what `docs/errors.md` is checked against.

use axum::http::StatusCode;

use crate::kit::answer::Outcome;

/// What is known of a code. Rows and codes come from one list, so a code's row stands at the code's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Three digits.
    pub(crate) number: &'static str,
    /// The message; `{}` stands for what it is about.
    pub(crate) message: &'static str,
    /// Whether the document has it, or it is ours.
    pub(crate) documented: bool,
    /// When it comes.
    pub(crate) when: &'static str,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

macro_rules! codes {
    ($($code:ident $number:literal $message:literal $whose:ident: $when:literal, $remedy:literal;)*) => {
        /// A code with its message. Codes that the document gives several messages are several here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $(#[doc = $message] $code,)*
        }

        /// All codes.
        pub(crate) const ROWS: &[Row] = &[
            $(Row {
                number: $number,
                message: $message,
                documented: codes!(@$whose),
                when: $when,
                remedy: $remedy,
            },)*
        ];
    };
    (@documented) => { true };
    (@ours) => { false };
}

codes! {
    Maintenance "000" "Zygo portal undergoing maintenance." documented:
        "Maintenance mode is on, or the server is shutting down or has too much to do (HTTP 503).",
        "Repeat the call after the seconds in Retry-After.";
    Internal "001" "Internal Error." documented:
        "Something is broken on the server (HTTP 500).",
        "Give the operator the answer's X-Request-Id; the server's log says more under it.";
    UnknownMethod "002" "Unknown method." ours:
        "The path names no method (HTTP 404), or the verb is not POST (HTTP 405).",
        "POST to /api/v1/METHOD; names are case-sensitive.";
    TooManyRequests "003" "Too many requests." ours:
        "Your network sends more requests per second than the operator allows (HTTP 429).",
        "Wait the seconds in Retry-After, then go on more slowly.";
    SignInFailed "100" "Authentication failed." documented:
        "Username or password is missing or wrong, the user is locked, too many attempts failed, or an API credential is expired, revoked, used from elsewhere or only for reading.",
        "Check user.username and user.password; if they are right, ask the operator.";
    ServiceLocked "101" "Service Locked. Another ticket is processing." documented:
        "A ticket for the same SIM is open.",
        "Wait until it has ended (queryTicket), then repeat the call.";
    BarNotPermitted "102" "You do not have permission to update this Bar ({})" documented:
        "The bar is not granted to the user, or it does not exist in the service's network.",
        "Check barCode; ask the operator to grant the bar.";
    BoltonNotPermitted "103" "You do not have permission to update this Bolt On ({})" documented:
        "The bolt-on is not granted to the user, or it does not exist in the service's network.",
        "Check boltonCode; ask the operator to grant the bolt-on.";
    ServiceMissing "104" "'service' missing." documented:
        "None of service.code, service.cli and service.sim is given.",
        "Send one of them.";
    ServiceNotPermitted "105" "You do not have premission to access this service." documented:
        "The service belongs to a granted customer, but the user is confined to other services of it.",
        "Use a user of kind account, or one whose group or service it is.";
    BarMissing "200" "'barCode' missing." documented:
        "barCode is absent, null or blank.",
        "Send it.";
    TicketTypeMissing "201" "'ticketType' missing." documented:
        "ticketType is absent, null or blank.",
        "Send it.";
    MessageMissing "202" "'message' missing." documented:
        "message is absent, null or blank.",
        "Send it.";
    FileMissing "203" "'file' missing." documented:
        "The ticket type demands a file and none is given, or one of file.name and file.content is missing.",
        "Send both.";
    BoltonMissing "204" "'boltonCode' missing." documented:
        "boltonCode is absent, null or blank.",
        "Send it.";
    NewNameMissing "205" "'newName' missing." documented:
        "newName is absent, null or blank.",
        "Send it.";
    ContractMissing "206" "'contractCode' missing." documented:
        "contractCode is absent, null or blank.",
        "Send it; getContracts lists the contracts.";
    TemplateMissing "207" "'templateCode' missing." documented:
        "templateCode is absent, null or blank.",
        "Send it.";
    NewSimMissing "208" "'newSIM' missing." documented:
        "newSIM is absent, null or blank.",
        "Send it.";
    SimMissing "208" "'sim' missing." documented:
        "sim is absent, null or blank.",
        "Send it.";
    CustomerMissing "209" "'customer' missing." documented:
        "customer is absent, null or blank.",
        "Send it.";
    TariffMissing "210" "'tariffCode' missing." ours:
        "tariffCode is absent, null or blank.",
        "Send it.";
    NameMissing "211" "'name' missing." ours:
        "name is absent, null or blank.",
        "Send it.";
    TicketMissing "212" "'ticket' missing." ours:
        "ticket.id is absent, null or blank.",
        "Send it.";
    SimInvalid "300" "'sim' invalid." documented:
        "sim is not 18 to 22 digits.",
        "Send the number printed on the SIM card, without blanks.";
    NewSimInvalid "300" "'newSIM' invalid." documented:
        "newSIM is not 18 to 22 digits.",
        "Send the number printed on the SIM card, without blanks.";
    TicketTypeInvalid "301" "'ticketType' invalid." documented:
        "There is no such ticket type.",
        "Ask the operator for the types.";
    ServiceNotActive "302" "Service is not Active." documented:
        "The service is neither active (A) nor barred (B).",
        "Only such a service can be changed; queryService shows its status.";
    RequestInvalid "303" "Request invalid: {}" ours:
        "The body is not a JSON object (HTTP 400) or larger than 1 MiB (HTTP 413), a member has the wrong type or is given twice, nesting is deeper than 32, there are more than 10,000 values, or the Idempotency-Key is malformed.",
        "The message says what is wrong and where.";
    NameInvalid "304" "'name' invalid." ours:
        "name is longer than 50 characters or has control characters.",
        "Shorten or clean it.";
    NewNameInvalid "304" "'newName' invalid." ours:
        "newName is longer than 50 characters or has control characters.",
        "Shorten or clean it.";
    KeyReused "305" "Idempotency-Key was used with another request." ours:
        "The same Idempotency-Key came with another body within 24 hours.",
        "Use a new key for every new order.";
    ServiceNotFound "400" "Could not find Service." documented:
        "No service of the granted customers is selected by all of service.code, service.cli and service.sim that are given.",
        "Check them.";
    TicketNotFound "401" "Could not find Ticket" documented:
        "There is no ticket of this number for the user.",
        "Check ticket.id.";
    SimNotAvailable "402" "SIM not available to Customer" documented:
        "The SIM is unknown, not the customer's, retired, in a live service, or bound to another network.",
        "Use a SIM of the customer's stock.";
    ContractNotFound "403" "Could not find Contract" documented:
        "The contract or customer is unknown or not granted, or the customer has no contract.",
        "Check contractCode or customer; getContracts lists the contracts.";
    TemplateNotFound "404" "Could not find Template" documented:
        "There is no such template in the service's network.",
        "Check templateCode.";
    ApnNotFound "405" "Could not find APN" documented:
        "One of APNCodes does not exist in the tariff's network.",
        "Check APNCodes.";
    TariffNotFound "406" "Could not find Tariff." ours:
        "There is no such tariff.",
        "Check tariffCode.";
}

impl Code {
    /// What is known of it.
    pub(crate) fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The HTTP status it comes with, where no method that ran found another one.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Maintenance => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UnknownMethod => StatusCode::NOT_FOUND,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::OK,
        }
    }

    /// The class that figures count it under.
    pub(crate) fn outcome(self) -> Outcome {
        match (self, self.row().number.as_bytes()[0]) {
            (Self::Maintenance, _) => Outcome::Unavailable,
            (Self::Internal, _) => Outcome::Fault,
            (Self::UnknownMethod, _) => Outcome::NoRoute,
            (Self::TooManyRequests, _) => Outcome::Throttled,
            (Self::SignInFailed, _) => Outcome::SignInFailed,
            (Self::ServiceNotActive, _) => Outcome::Refused,
            (Self::ServiceMissing, _) | (_, b'2' | b'3') => Outcome::Invalid,
            _ => Outcome::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_stand_in_order() {
        for row in ROWS {
            assert!(row.number.len() == 3 && row.number.bytes().all(|b| b.is_ascii_digit()));
        }
        assert!(ROWS.is_sorted_by_key(|row| row.number));
    }
}
