//! The reconciler's part of the port: what is to be checked at a network, what was found, and the adoption of a restored
//! database.
//!
//! A network is checked on three walks, each a cursor in the database from which nodes claim slices: every live service
//! once a period, and the SIMs of every ticket soon after it ended and again a period later. A slice that its node does not
//! settle is claimed again by another. No method here carries a caller's scope, and none is reachable from a face.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Origin, StoreError};
use crate::drift::{Drift, DriftKind};
use crate::driver::NetworkStatus;
use crate::plan::{Asked, Books};
use crate::ticket::Ticket;
use crate::{Iccid, NetworkCode, Order, Service, SimRecord, TicketId};

/// A walk through what is to be checked at a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Walk {
    /// Live services, by code.
    Live,
    /// The SIMs of tickets that ended, by when.
    Soon,
    /// The same, much later, and only SIMs that the network is not to have any more: the others are on [`Walk::Live`].
    Late,
    /// Drifts on record, by when they were seen last.
    Drift,
}

impl Walk {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Drift, Self::Soon, Self::Late, Self::Live];

    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Soon => "soon",
            Self::Late => "late",
            Self::Drift => "drift",
        }
    }
}

/// Where a walk stands: everything up to here is behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The service's code, or when the ticket ended in milliseconds since 1970.
    pub major: i64,
    /// The ticket's number.
    pub minor: i64,
}

/// What a node asks for when it claims a slice.
#[derive(Debug, Clone)]
pub struct SweepAsk {
    /// Which network.
    pub network: NetworkCode,
    /// Which walk, when no slice was left behind.
    pub walk: Walk,
    /// At most how many services or tickets.
    pub take: usize,
    /// How long the walk rests after each of them.
    pub pause: Duration,
    /// How long it rests when there is nothing to check.
    pub idle: Duration,
    /// How long a walk through live services takes at least.
    pub period: Duration,
    /// Of tickets: how long ago they ended at least; of drifts: how long ago they were seen; of live services: how long
    /// the first walk is waited with.
    pub age: Duration,
    /// Of tickets: how long ago they ended at most. A walk that has fallen further behind leaves them out.
    pub age_max: Duration,
    /// How long the slice is the node's.
    pub lease: Duration,
    /// The present moment. A store with a clock of its own may use that instead.
    pub now: Timestamp,
}

/// Names a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SliceId(pub i64);

/// What a node got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its name, to be handed in when it is settled; none on [`Walk::Drift`], where nothing is lost with it.
    pub id: Option<SliceId>,
    /// What is to be checked. May be empty.
    pub standings: Vec<Standing>,
}

/// What came of claiming a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swept {
    /// This is to be checked now.
    Slice(Slice),
    /// Nothing is, before this moment.
    Nothing {
        /// Which.
        until: Timestamp,
    },
}

/// What the books say of a SIM at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The SIM.
    pub sim: SimRecord,
    /// The newest service that is or was in it.
    pub service: Option<Service>,
    /// The ticket that is open for it.
    pub open_ticket: Option<TicketId>,
}

/// Which page of what is to be checked.
#[derive(Debug, Clone)]
pub struct PageAsk {
    /// Which network.
    pub network: NetworkCode,
    /// Which walk.
    pub walk: Walk,
    /// Only what comes after this.
    pub after: Place,
    /// Of tickets: only those that ended by then.
    pub until: Timestamp,
    /// At most how many services or tickets.
    pub take: usize,
}

/// A page of what is to be checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckPage {
    /// What is to be checked.
    pub standings: Vec<Standing>,
    /// Where the page ends; `None` behind the last one.
    pub last: Option<Place>,
}

/// What a check of one SIM found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The SIM.
    pub iccid: Iccid,
    /// The version of it that was compared. Where it has moved on, or a ticket is open, a difference is not written down.
    pub version: i64,
    /// What.
    pub finding: Finding,
}

/// How network and books compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// They agree.
    AsWanted,
    /// They do not.
    Differs {
        /// Whose doing it is. A drift that is on record as [`DriftKind::Restored`] stays one.
        kind: DriftKind,
        /// See [`Drift::found`].
        found: NetworkStatus,
        /// See [`Drift::what`].
        what: String,
    },
}

/// How many drifts of a kind a network has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftStat {
    /// The network.
    pub network: NetworkCode,
    /// The kind.
    pub kind: DriftKind,
    /// How many.
    pub count: u64,
}

/// Where the adoption of a restored database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopting {
    /// Since when.
    pub since: Timestamp,
    /// When all networks had been read since then.
    pub read: Option<Timestamp>,
}

/// An open ticket about a SIM, with the books as far as it touches them.
#[derive(Debug, Clone)]
pub struct OpenTicket {
    /// The ticket.
    pub ticket: Ticket,
    /// What was asked. `None` when this program cannot read it.
    pub order: Option<Order>,
    /// The books. Of a connect: with the number that is reserved for it already, if any.
    pub books: Books,
}

/// Comparing networks with the books, and adopting a restored database.
#[async_trait]
pub trait Reconcile: Send + Sync {
    /// Claims a slice: one that somebody left behind, else the next one of the walk, which rests afterwards. A slice that was
    /// left behind [`crate::limits::SLICE_TRIES_MAX`] times is given up.
    async fn sweep_claim(&self, ask: SweepAsk) -> Result<Swept, StoreError>;

    /// Writes down what was found, and takes the slice away. Answers the drifts that are on record now, of those that were
    /// checked.
    async fn sweep_settle(
        &self,
        network: NetworkCode,
        slice: Option<SliceId>,
        checked: Vec<Checked>,
        now: Timestamp,
    ) -> Result<Vec<Drift>, StoreError>;

    /// Has the SIMs of these tickets looked at again at `due`.
    async fn sweep_again(
        &self,
        network: NetworkCode,
        tickets: Vec<TicketId>,
        due: Timestamp,
    ) -> Result<(), StoreError>;

    /// How many live services a network has. Costs as much as there are.
    async fn sweep_size(&self, network: NetworkCode) -> Result<u64, StoreError>;

    /// The next of what a walk comes by. Claims nothing; nothing is on [`Walk::Drift`] ([`Self::drift_list`] has it).
    async fn check_page(&self, ask: PageAsk) -> Result<CheckPage, StoreError>;

    /// The newest tickets about a SIM, newest first, as far as this program can read them.
    async fn sim_asked(&self, iccid: Iccid, limit: usize) -> Result<Vec<Asked>, StoreError>;

    /// The drifts on record, by network and SIM, of one network or of all.
    async fn drift_list(
        &self,
        network: Option<NetworkCode>,
        limit: usize,
    ) -> Result<Vec<Drift>, StoreError>;

    /// How many drifts are on record.
    async fn drift_stats(&self) -> Result<Vec<DriftStat>, StoreError>;

    /// Notes that `ticket` is to repair a drift.
    async fn drift_repaired(
        &self,
        network: NetworkCode,
        iccid: Iccid,
        ticket: TicketId,
    ) -> Result<(), StoreError>;

    /// Begins to adopt a restored database: from now on no ticket is claimed. The books are of a new generation
    /// ([`crate::mail::Fence::generation`]). False when it had begun already; nothing is changed then.
    async fn adopt_begin(
        &self,
        reason: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Notes that all networks have been read.
    async fn adopt_read(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Ends the adoption: tickets are claimed again. False when there was none.
    async fn adopt_finish(&self, origin: Origin, now: Timestamp) -> Result<bool, StoreError>;

    /// Where the adoption stands; `None` when there is none.
    async fn adopt_status(&self) -> Result<Option<Adopting>, StoreError>;

    /// Open tickets about SIMs, by number, after `after`, at most `limit`.
    async fn open_page(
        &self,
        after: Option<TicketId>,
        limit: usize,
    ) -> Result<Vec<OpenTicket>, StoreError>;

    /// Moves the database's heartbeat on, to `at_least` at least, and answers it. A database that was put back in time
    /// has a smaller one than those who used it remember.
    async fn heartbeat(&self, at_least: i64) -> Result<i64, StoreError>;
}
