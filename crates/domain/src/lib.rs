//! Words and rules of provisor.
//!
//! Everything here is plain data and pure functions: identifiers that cannot hold a bad value, orders, the one
//! ticket state machine, what an order means for the network and the books ([`plan`]), refusals, limits, and the
//! ports ([`store::Store`], [`driver::Driver`], [`mail::MailDriver`], [`clock::Clock`]) that other crates implement.
//!
//! Invariant: no tokio, no HTTP, no SQL. A face's wire words (`101`, `dirty`) never appear here.

pub mod catalogue;
pub mod clock;
pub mod code;
pub mod drift;
pub mod driver;
pub mod limits;
pub mod mail;
pub mod name;
pub mod number;
pub mod order;
pub mod plan;
pub mod portal;
pub mod refusal;
pub mod service;
pub mod sim;
pub mod store;
pub mod support_case;
mod text;
pub mod ticket;
pub mod user;

pub use code::{
    ApnCode, BarCode, BoltonCode, ContractCode, CustomerNumber, NetworkCode, PackName,
    ReportingGroup, TariffCode, TemplateCode, TenantName, TicketTypeCode, Username,
};
pub use mail::{MailAddress, Mailbox};
pub use name::Name;
pub use number::{Iccid, Imsi, Msisdn};
pub use order::{Order, OrderKind};
pub use portal::{ParCustId, PortalId};
pub use refusal::Refusal;
pub use service::{Service, ServiceCode, ServiceSelector, ServiceStatus};
pub use sim::{OpenKeys, PlainKeys, SealedKeys, SimRecord, SimState};
pub use ticket::{TicketId, TicketState};
pub use user::{Scope, UserId, UserKind};

/// A text that is not a value of the type it was to become. Says which type; the text itself is not kept, because
/// it may be a secret pasted into the wrong field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: {rule}")]
pub struct Malformed {
    /// The kind of value, in words ("ICCID").
    pub what: &'static str,
    /// What a valid one looks like.
    pub rule: &'static str,
}
