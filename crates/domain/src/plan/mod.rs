//! What an order means: from the order and the books to the command for the outside world and the change of the books.
//!
//! One pure function, [`plan`], run when a ticket is carried out (not when it is raised). The ticket's lock keeps the
//! books of its subjects still in between, so planning again after a crash gives the same plan.

mod asked;
mod portal;
mod service;

pub use asked::{Asked, asked_for};

use jiff::Timestamp;

use crate::driver::{Command, OnceKey, Want};
use crate::mail::{MailCommand, Mailbox};
use crate::portal::{Pack, PortalId, PortalRecord, PortalSecret};
use crate::service::Products;
use crate::ticket::{Failure, FailureKind};
use crate::{
    ContractCode, CustomerNumber, Iccid, Msisdn, Name, NetworkCode, Order, ReportingGroup,
    SealedKeys, Service, SimRecord, SimState, TariffCode,
};

/// The books as far as a ticket touches them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Books {
    /// Of a ticket that is about a SIM and the service in it.
    Service(Box<ServiceBooks>),
    /// Of a ticket that is about a portal customer.
    Portal(Box<PortalBooks>),
}

/// The books as far as a SIM's ticket touches them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceBooks {
    /// The customer the ticket belongs to.
    pub customer: CustomerNumber,
    /// The network the ticket is carried out at.
    pub network: NetworkCode,
    /// The ticket's SIM.
    pub sim: SimRecord,
    /// The ticket's service; none while it is being connected.
    pub service: Option<Service>,
    /// The SIM a service moves to.
    pub new_sim: Option<SimRecord>,
    /// The keys of the SIM that the service is in afterwards: of the new one where it moves.
    pub keys: SealedKeys,
    /// The number reserved for a new service: the SIM's own, or one of the network's range.
    pub number: Option<Msisdn>,
    /// True when a new service needs a number of the network's range and none is free.
    pub range_exhausted: bool,
}

/// The books as far as a portal customer's ticket touches them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalBooks {
    /// The customer.
    pub id: PortalId,
    /// What there is of it.
    pub record: PortalRecord,
    /// The password that the ticket brings.
    pub new_secret: Option<PortalSecret>,
    /// When the ticket was raised.
    pub raised: Timestamp,
    /// See [`crate::mail::Fence::generation`].
    pub generation: i64,
}

/// What is to be done for a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the outside world must be made to look like; `None` when it already does, or when only the books change.
    pub command: Option<Instruction>,
    /// What the books say once it is done.
    pub change: Change,
}

/// A command, by the kind of driver that carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// For a network.
    Network(Command),
    /// For a mail system.
    Mail(Box<MailCommand>),
}

/// A change of the books, written together with the ticket's final state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The service as it will be.
    pub service: Option<ServiceChange>,
    /// SIMs and where they will stand.
    pub sims: Vec<(Iccid, SimState)>,
    /// A number of a network's range that goes into quarantine.
    pub released: Option<Msisdn>,
    /// The portal customer as it will be.
    pub portal: Option<PortalChange>,
}

/// A portal customer as it will be. Its version moves on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalChange {
    /// Which.
    pub id: PortalId,
    /// See [`crate::portal::PortalCustomer::enabled`].
    pub enabled: bool,
    /// See [`crate::portal::PortalCustomer::own_password`].
    pub own_password: bool,
    /// True when its sessions end with this.
    pub ends_sessions: bool,
    /// Its new password; `None` keeps the one it has.
    pub secret: Option<PortalSecret>,
    /// All of its packs; `None` when they stay as they are.
    pub packs: Option<Vec<Pack>>,
    /// All of its mailboxes; `None` when they stay as they are.
    pub mailboxes: Option<Vec<Mailbox>>,
}

/// A new or changed row of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceChange {
    /// A service that gets its code when it is written.
    Create(NewService),
    /// The whole row of an existing service.
    Update(Service),
}

/// A service without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewService {
    /// See [`Service::name`].
    pub name: Name,
    /// See [`Service::cli`].
    pub cli: Option<Msisdn>,
    /// See [`Service::iccid`].
    pub iccid: Iccid,
    /// See [`Service::network`].
    pub network: NetworkCode,
    /// See [`Service::contract`].
    pub contract: ContractCode,
    /// See [`Service::customer`].
    pub customer: CustomerNumber,
    /// See [`Service::tariff`].
    pub tariff: TariffCode,
    /// See [`Service::group`].
    pub group: Option<ReportingGroup>,
    /// See [`Service::products`].
    pub products: Products,
}

/// Plans `order`. Fails for good ([`FailureKind::Books`]) when the books do not allow it any more (they were changed past
/// the ticket's lock, by hand), and for now ([`FailureKind::Unavailable`]) when it needs something that is used up.
pub fn plan(order: &Order, books: &Books, once: OnceKey) -> Result<Plan, Failure> {
    match books {
        Books::Service(books) => service::plan(order, books, once),
        Books::Portal(books) => portal::plan(order, books, once),
    }
}

/// What the books say that `network` is to have for a SIM. `service` is the newest one that is or was in it.
pub fn wanted(network: &NetworkCode, sim: &SimRecord, service: Option<&Service>) -> Want {
    service::wanted(network, sim, service)
}

fn broken(reason: &str) -> Failure {
    Failure { kind: FailureKind::Books, reason: reason.to_owned() }
}

/// Something that is missing now and may be there later: the ticket waits for it.
fn not_yet(reason: &str) -> Failure {
    Failure { kind: FailureKind::Unavailable, reason: reason.to_owned() }
}

/// An order in the hands of the wrong planner: the store handed out books of another kind than the order's.
fn mismatched() -> Failure {
    broken("the order does not fit what the ticket is about")
}
