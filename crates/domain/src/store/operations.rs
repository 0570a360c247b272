//! The operators' part of the port: catalogue, stock, tickets by hand, maintenance mode, figures.
//!
//! An operator sees everything; these methods carry no scope and are not reachable from a face.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{Origin, StoreError};
use crate::catalogue::{Catalogue, CatalogueKeys};
use crate::support_case::{CaseClosing, CaseDetail, CaseEntry, CaseFilter};
use crate::ticket::{Failure, Ticket, TicketState};
use crate::{
    CustomerNumber, Iccid, Imsi, Msisdn, NetworkCode, Order, OrderKind, PortalId, SealedKeys,
    ServiceCode, TicketId,
};

/// Moves on with every change that a running process must notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Moves with every change of a user, a grant or a credential.
    pub users: i64,
    /// Moves with every change of a network or a tenant.
    pub networks: i64,
    /// Whether callers are told to come back later.
    pub maintenance: bool,
    /// Whether a restored database is being adopted: no ticket is carried out.
    pub adopting: bool,
    /// The heartbeat ([`crate::store::Reconcile::heartbeat`]).
    pub heartbeat: i64,
}

/// Which tickets a list shows.
#[derive(Debug, Clone, Default)]
pub struct TicketFilter {
    /// Only in these states; empty for all.
    pub states: Vec<TicketState>,
    /// Only of this customer.
    pub customer: Option<CustomerNumber>,
    /// Only of this network.
    pub network: Option<NetworkCode>,
    /// Only for this SIM.
    pub iccid: Option<Iccid>,
    /// Only for this portal customer.
    pub portal: Option<PortalId>,
    /// Only with a smaller number (for the next page).
    pub before: Option<TicketId>,
    /// At most so many.
    pub limit: usize,
}

/// A ticket with everything that is known of it.
#[derive(Debug, Clone)]
pub struct TicketDetail {
    /// The ticket.
    pub ticket: Ticket,
    /// What was asked.
    pub order: Option<Order>,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One attempt that was settled.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The epoch it was made under.
    pub epoch: i64,
    /// When it began.
    pub began: Timestamp,
    /// When it was settled.
    pub ended: Timestamp,
    /// The state the ticket had after it.
    pub state: TicketState,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}

/// What came of moving a ticket by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketMoved {
    /// It stands here now.
    To(TicketState),
    /// It stands here, from where it cannot be moved like that.
    NotFrom(TicketState),
    /// There is no such ticket.
    Absent,
}

/// What came of closing a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseOutcome {
    /// It is closed now.
    Closed,
    /// It was closed already.
    AlreadyClosed,
    /// It is live, or a ticket for it is open: it must be disconnected first.
    NotSwitchedOff,
    /// There is no such service.
    Absent,
}

/// Names one import while it lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImportId(pub i64);

/// One row of a SIM import.
#[derive(Debug, Clone)]
pub struct ImportRow {
    /// Its line in the file.
    pub line: u64,
    /// The SIM.
    pub iccid: Iccid,
    /// Its identity.
    pub imsi: Option<Imsi>,
    /// Its number.
    pub msisdn: Option<Msisdn>,
    /// Whose stock it goes to.
    pub customer: CustomerNumber,
    /// The only network it works in.
    pub network: Option<NetworkCode>,
    /// What is secret or rare about it.
    pub keys: SimKeys,
}

/// What a SIM carries besides its numbers. Write-only.
#[derive(Debug, Clone, Default)]
pub struct SimKeys {
    /// Subscriber key, sealed by the caller of the store: the store never sees it in the clear.
    pub ki_sealed: Option<SecretString>,
    /// Operator key, sealed likewise.
    pub opc_sealed: Option<SecretString>,
    /// eUICC identifier (SGP.02), 32 digits.
    pub eid: Option<String>,
}

/// A row that cannot land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// How many open tickets a network has of a kind in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStat {
    /// The network.
    pub network: NetworkCode,
    /// The kind.
    pub kind: OrderKind,
    /// The state; only open ones.
    pub state: TicketState,
    /// How many.
    pub count: u64,
    /// When the oldest of them was raised.
    pub oldest: Timestamp,
}

/// What operators do.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Answers when the database can be read. For readiness.
    async fn ping(&self) -> Result<(), StoreError>;

    /// What a running process polls to see that others changed something. Cheap.
    async fn stamp(&self) -> Result<Stamp, StoreError>;

    /// Tells callers to come back later, or not any more.
    async fn maintenance_set(
        &self,
        on: bool,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The catalogue as it stands; of SIMs and services only those named.
    async fn catalogue_read(&self, keys: CatalogueKeys) -> Result<Catalogue, StoreError>;

    /// Creates and updates what `catalogue` holds, all of it or nothing. [`StoreError::Conflict`] says what does not
    /// fit (a SIM in use that would change its customer, a number given twice).
    async fn catalogue_write(
        &self,
        catalogue: Catalogue,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Begins an import. Rows that land are invisible until it is finished. Cleans up after imports that died.
    async fn sim_import_begin(
        &self,
        file: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<ImportId, StoreError>;

    /// Lands rows; answers those that cannot land (known already, unknown customer or network). The others landed.
    async fn sim_import_rows(
        &self,
        import: ImportId,
        rows: Vec<ImportRow>,
    ) -> Result<Vec<BadRow>, StoreError>;

    /// A SIM with keys, and those as they are sealed, whichever of them; `None` where no SIM has any. Between the begin of an
    /// import and its first rows these are of imports that landed.
    async fn sim_import_sealed(&self) -> Result<Option<(Iccid, SealedKeys)>, StoreError>;

    /// Makes an import visible, in one moment.
    async fn sim_import_finish(&self, import: ImportId, now: Timestamp) -> Result<(), StoreError>;

    /// Takes back everything that an import landed.
    async fn sim_import_abandon(&self, import: ImportId) -> Result<(), StoreError>;

    /// Tickets, newest first.
    async fn ticket_list(&self, filter: TicketFilter) -> Result<Vec<Ticket>, StoreError>;

    /// One ticket with its attempts.
    async fn ticket_show(&self, id: TicketId) -> Result<Option<TicketDetail>, StoreError>;

    /// Makes a pending ticket due now, or gives an unknown one another round of attempts.
    async fn ticket_retry(
        &self,
        id: TicketId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<TicketMoved, StoreError>;

    /// Takes back a pending or unknown ticket; its subject is free again.
    async fn ticket_cancel(
        &self,
        id: TicketId,
        reason: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<TicketMoved, StoreError>;

    /// Support cases, newest first.
    async fn support_case_list(&self, filter: CaseFilter) -> Result<Vec<CaseEntry>, StoreError>;

    /// One support case, whole.
    async fn support_case_show(&self, id: TicketId) -> Result<Option<CaseDetail>, StoreError>;

    /// Ends support cases: people have done what was to be done. Answers in the order of `ids`.
    async fn support_case_close(
        &self,
        ids: Vec<TicketId>,
        reason: Option<String>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<CaseClosing>, StoreError>;

    /// Final invoice: closes services that are switched off. Answers in the order of `codes`.
    async fn service_close(
        &self,
        codes: Vec<ServiceCode>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<CloseOutcome>, StoreError>;

    /// Open tickets by network, kind and state. Costs as much as there are open tickets.
    async fn queue_stats(&self) -> Result<Vec<QueueStat>, StoreError>;

    /// The networks of the catalogue.
    async fn network_list(&self) -> Result<Vec<crate::catalogue::Network>, StoreError>;
}
