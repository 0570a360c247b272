//! Refusals: everything that is the caller's fault, as one list that every face must answer completely.
//!
//! Faults (the database, a driver) are another type; they are logged once and never explained to a caller.

use crate::portal::PackValue;
use crate::{BarCode, BoltonCode, MailAddress, TicketId};

/// Why an order or a query of an authenticated caller was not accepted.
///
/// Each face matches this exhaustively, without `_`: a new refusal must not compile until every face answers it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another ticket of the subject is open.
    #[error("ticket {0} is open for it")]
    SubjectBusy(TicketId),
    /// The bar does not exist or was not granted to the user.
    #[error("bar {0} is not granted or does not exist")]
    BarNotPermitted(BarCode),
    /// The bolt-on does not exist or was not granted to the user.
    #[error("bolt-on {0} is not granted or does not exist")]
    BoltonNotPermitted(BoltonCode),
    /// The service lies under a granted customer, but outside the user's kind.
    #[error("the service is outside what this kind of user reaches")]
    ServiceNotPermitted,
    /// The service is not live.
    #[error("the service is not active")]
    ServiceNotActive,
    /// No such service for this caller.
    #[error("no such service")]
    ServiceNotFound,
    /// No such ticket for this caller.
    #[error("no such ticket")]
    TicketNotFound,
    /// No such SIM for this caller, or it is in use, or retired.
    #[error("the SIM is not available")]
    SimNotAvailable,
    /// No such contract for this caller.
    #[error("no such contract")]
    ContractNotFound,
    /// No such template.
    #[error("no such template")]
    TemplateNotFound,
    /// No such APN in the service's network.
    #[error("no such APN")]
    ApnNotFound,
    /// No such tariff.
    #[error("no such tariff")]
    TariffNotFound,
    /// No such kind of support case.
    #[error("no such ticket type")]
    TicketTypeUnknown,
    /// The kind of support case demands a file.
    #[error("this ticket type needs a file")]
    FileMissing,
    /// No such portal customer of this tenant.
    #[error("no such portal customer")]
    PortalCustomerNotFound,
    /// The tenant does not sell this pack.
    #[error("no such pack")]
    PackNotFound,
    /// The portal customer does not have this pack.
    #[error("the pack is not active")]
    PackNotActive,
    /// The portal customer has this pack with another value.
    #[error("the pack is active with the value {0}")]
    PackValueDiffers(PackValue),
    /// More mailboxes are in use than the pack would allow.
    #[error("{0} mailboxes are in use")]
    MailboxesInUse(usize),
    /// The address of the primary mailbox belongs to somebody else.
    #[error("the mail address {0} belongs to another customer")]
    AddressTaken(MailAddress),
    /// The customer's number cannot be the local part of a mail address.
    #[error("the customer's number cannot be a mail address")]
    AddressImpossible,
    /// The idempotency key stands for another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
}
