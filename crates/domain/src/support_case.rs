//! Support cases (CCC `raiseTicket`): messages that people read. They share the tickets' numbers and nothing else.

use jiff::Timestamp;

use crate::store::{Idempotency, Origin};
use crate::{Scope, Service, ServiceCode, TicketId, TicketTypeCode};

/// A support case to be written down.
#[derive(Debug, Clone)]
pub struct NewSupportCase {
    /// Who raises it; it can be seen by users who share a granted customer.
    pub scope: Scope,
    /// What kind it is.
    pub ticket_type: TicketTypeCode,
    /// What it says.
    pub message: String,
    /// What comes with it.
    pub file: Option<SupportFile>,
    /// The service it is about, already found within the scope.
    pub service: Option<Service>,
    /// Where it came from.
    pub origin: Origin,
    /// The idempotency key it was sent with.
    pub idempotency: Option<Idempotency>,
    /// When.
    pub raised: Timestamp,
}

/// A file of a support case.
#[derive(Debug, Clone)]
pub struct SupportFile {
    /// Its name, as the caller gave it. Never used as a path.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// A support case as its raiser sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportCase {
    /// Its number.
    pub id: TicketId,
    /// What kind it is.
    pub ticket_type: TicketTypeCode,
    /// The service it is about.
    pub service: Option<ServiceCode>,
    /// When it was raised.
    pub raised: Timestamp,
    /// When people closed it.
    pub closed: Option<Timestamp>,
}
