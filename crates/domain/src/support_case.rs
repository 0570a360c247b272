//! Support cases (CCC `raiseTicket`): messages that people read. They share the tickets' numbers and nothing else.

use jiff::Timestamp;

use crate::store::{Idempotency, Origin, ServiceSummary};
use crate::{CustomerNumber, Scope, ServiceCode, TicketId, TicketTypeCode};

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
    pub service: Option<ServiceSummary>,
    /// Where it came from.
    pub origin: Origin,
    /// The idempotency key it was sent with.
    pub idempotency: Option<Idempotency>,
    /// When.
    pub raised: Timestamp,
}

/// A file of a support case.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Which support cases a list shows.
#[derive(Debug, Clone, Copy)]
pub struct CaseFilter {
    /// Those that are closed, too.
    pub closed: bool,
    /// Only with a smaller number (for the next page).
    pub before: Option<TicketId>,
    /// At most so many.
    pub limit: usize,
}

/// A support case as the people see it who answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEntry {
    /// What its raiser sees.
    pub case: SupportCase,
    /// Whose service it is about.
    pub customer: Option<CustomerNumber>,
    /// Who raised it.
    pub raised_by: String,
    /// What it says; in a list the first [`CASE_MESSAGE_LISTED_CHARS_MAX`](crate::limits::CASE_MESSAGE_LISTED_CHARS_MAX)
    /// characters.
    pub message: String,
    /// The name of the file that came with it.
    pub file_name: Option<String>,
    /// What was said when it was closed.
    pub close_reason: Option<String>,
}

/// A support case with its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDetail {
    /// The case.
    pub entry: CaseEntry,
    /// What came with it.
    pub file: Option<SupportFile>,
}

/// What came of closing a support case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseClosing {
    /// It is closed now.
    Closed,
    /// It was closed already; what was said then stays.
    AlreadyClosed,
    /// There is no such case.
    Absent,
}
