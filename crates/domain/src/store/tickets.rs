//! The tickets' part of the port: open, claim, settle.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Idempotency, Origin, StoreError};
use crate::driver::{Acceptance, Report};
use crate::plan::{Books, Change};
use crate::portal::PortalSecret;
use crate::ticket::{About, Failure, Subject};
use crate::{CustomerNumber, NetworkCode, Order, OrderKind, TicketId};

/// A ticket to be opened.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// What was asked.
    pub order: Order,
    /// What it locks, and on which version of it the checks were made. The first is what the ticket is about.
    pub subjects: Vec<SubjectClaim>,
    /// Whose it is: the customer, or the tenant of a portal customer. Fairness between customers goes by it.
    pub customer: CustomerNumber,
    /// Where it is carried out.
    pub network: NetworkCode,
    /// What it is about.
    pub about: About,
    /// A password that the order brings; kept beside the order until the ticket ends.
    pub secret: Option<PortalSecret>,
    /// Where it came from.
    pub origin: Origin,
    /// The idempotency key it was sent with.
    pub idempotency: Option<Idempotency>,
    /// When it was raised.
    pub raised: Timestamp,
}

/// A subject to be locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectClaim {
    /// The subject.
    pub subject: Subject,
    /// The version its checks were made on ([`crate::SimRecord::version`], [`crate::portal::PortalCustomer::version`]).
    pub version: i64,
}

/// What came of opening a ticket. Only [`Opened::Ticket`] wrote anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It is on disk.
    Ticket(TicketId),
    /// This ticket holds one of its subjects.
    Busy(TicketId),
    /// A subject has moved on since the checks were made: check again.
    Stale,
    /// The idempotency key was seen with the same request: that request's ticket.
    Replayed(TicketId),
    /// The idempotency key was seen with another request.
    KeyReused,
}

/// Names one running process; its leases carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerId(pub uuid::Uuid);

/// What a worker asks for when it claims.
#[derive(Debug, Clone)]
pub struct ClaimAsk {
    /// Which network's tickets.
    pub network: NetworkCode,
    /// For whom.
    pub worker: WorkerId,
    /// At most how many.
    pub take: usize,
    /// The customer who was served last: the ones after him have their turn first. `None` starts at the beginning.
    pub after: Option<CustomerNumber>,
    /// How long the lease lasts.
    pub lease: Duration,
    /// The present moment. A store with a clock of its own may use that instead.
    pub now: Timestamp,
}

/// What a worker got.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// The tickets, at most as many as asked for.
    pub leases: Vec<Lease>,
    /// The customer who was served last; to be handed in at the next claim.
    pub last: Option<CustomerNumber>,
    /// True when more tickets may be due than were taken.
    pub more: bool,
}

/// A ticket that belongs to one worker until the lease ends.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The ticket.
    pub ticket: TicketId,
    /// Grows by one with every claim; a settlement that carries an older one is dropped.
    pub epoch: i64,
    /// How many attempts that count were made before this one.
    pub attempts_before: u32,
    /// When the lease ends.
    pub until: Timestamp,
    /// What was asked. `None` when this program cannot read it (a newer one wrote it): it is given back.
    pub order: Option<Order>,
    /// Its kind.
    pub kind: OrderKind,
    /// The books as far as it touches them, read in the claiming transaction.
    pub books: Books,
    /// True when an earlier attempt may have changed the network.
    pub in_doubt: bool,
    /// When it was raised.
    pub raised: Timestamp,
    /// What the network accepted in an earlier attempt.
    pub accepted: Option<Acceptance>,
    /// What the network reported by itself about an earlier attempt.
    pub report: Option<Report>,
}

/// The end of one attempt.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The ticket.
    pub ticket: TicketId,
    /// The epoch of the lease it was carried out under.
    pub epoch: i64,
    /// When the attempt began.
    pub began: Timestamp,
    /// What came of it.
    pub verdict: Verdict,
}

/// What becomes of the ticket.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Carried out: the books change with it.
    Completed(Box<Change>),
    /// Over, without effect. A number reserved for it goes back at once.
    Failed(Failure),
    /// The network accepted the command and will report by itself. Does not count as an attempt; the ticket is in doubt.
    Accepted {
        /// What, and since when.
        accepted: Acceptance,
        /// When to look without a report. With one that came in already: at once.
        due: Timestamp,
        /// What is waited for.
        failure: Failure,
    },
    /// Again at `due`. An attempt that does not count leaves what is known of an acceptance and a report as it is.
    Postponed {
        /// When it is due again.
        due: Timestamp,
        /// Why.
        failure: Failure,
        /// Whether this attempt counts towards the limit.
        counts: bool,
        /// Whether any attempt so far may have changed the network.
        in_doubt: bool,
    },
    /// A person must look: the subject stays locked.
    Unknown(Failure),
}

/// What came of a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Written.
    Done,
    /// Somebody else claimed the ticket since, or it is not running any more: nothing was written.
    LeaseLost,
    /// The books did not take the change (a constraint): nothing was written, the ticket is still running.
    Refused(String),
}

/// Opening, claiming and settling tickets.
#[async_trait]
pub trait TicketStore: Send + Sync {
    /// Opens tickets, each in its own right: one that is refused does not hold up the others. One transaction for
    /// all of them: ticket, subject lock, idempotency row, number in the order's relation, audit entry. Answers are in the order of `tickets`; when
    /// this returns `Ok`, what was opened is on disk. At most `TICKETS_PER_BATCH_MAX` at once.
    async fn ticket_open(&self, tickets: Vec<NewTicket>) -> Result<Vec<Opened>, StoreError>;

    /// Claims tickets of one network that are due (also those whose lease ran out: a crash takes the same path as a
    /// retry), fairly between customers: round by round, one customer's thousand do not hold up another's one.
    /// Reserves a number for a connect whose SIM has none and whose network has a range. One transaction.
    async fn ticket_claim(&self, ask: ClaimAsk) -> Result<Claimed, StoreError>;

    /// Settles attempts, each fenced by its epoch: final state, the books' change, the record of the attempt, the
    /// subject's lock given back. One transaction for all; answers are in the order of `settlements`.
    async fn ticket_settle(
        &self,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Vec<Settled>, StoreError>;

    /// Writes down what the network reported about the attempt `epoch` of `ticket`, and makes the ticket due when it waits.
    /// Only the first report of the newest attempt of a pending or running ticket is taken. Answers whether it was.
    async fn ticket_report(
        &self,
        ticket: TicketId,
        epoch: i64,
        report: Report,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Waits until another process has opened tickets of a network, and says which one. A hint to whoever carries them out: it
    /// may come late, twice, for nothing or not at all, and never comes where no other process can open tickets.
    async fn ticket_due(&self) -> NetworkCode;

    /// Gives back every running ticket of `network` that another worker than `worker` holds, without waiting for its
    /// lease. Only to be called where the others are known to be dead. Answers how many.
    async fn ticket_rescue(
        &self,
        network: NetworkCode,
        worker: WorkerId,
        now: Timestamp,
    ) -> Result<usize, StoreError>;
}
