//! The port to the database.
//!
//! The store speaks facts, not tables. A method is one transaction (or one consistent read) and does one thing; no
//! transaction handle leaves it, and no caller strings two of them together to keep an invariant. Where logic must
//! read, decide and write at once, the decision is a constraint or a condition of the write: a read hands out
//! versions, the write names the versions it was decided on, and answers [`Opened::Stale`] when they have moved on.
//!
//! Methods take slices where many at once are worth it (opening, claiming, settling); an implementation gathers
//! concurrent single calls into one commit by itself. Nothing here is of one database: SQLite and PostgreSQL fit.

mod directory;
mod operations;
mod portal;
mod reconcile;
mod tickets;
mod users;

pub use directory::{
    BarFacts, ChangeAbout, ChangeAsk, ChangeFacts, ConnectAsk, ConnectFacts, ContractSummary,
    Directory, Earlier, Idempotency, Products, ServiceFound, ServiceSummary, SimFacts,
    TemplateFacts, TicketFound,
};
pub use operations::{
    Attempt, BadRow, CloseOutcome, ImportId, ImportRow, Operations, QueueStat, SimKeys, Stamp,
    TicketDetail, TicketFilter, TicketMoved,
};
pub use portal::{Portal, PortalAuth, PortalFound};
pub use reconcile::{
    Adopting, CheckPage, Checked, DriftStat, Finding, OpenTicket, PageAsk, Place, Reconcile, Slice,
    SliceId, Standing, SweepAsk, Swept, Walk,
};
pub use tickets::{
    ClaimAsk, Claimed, Lease, NewTicket, Opened, Settled, Settlement, SubjectClaim, TicketStore,
    Verdict, WorkerId,
};
pub use users::{
    CredentialAuth, CredentialInfo, GuessPlace, Guesses, NewCredential, NewUser, UserAuth,
    UserChange, UserInfo, Users,
};

/// The whole port.
pub trait Store: TicketStore + Directory + Users + Portal + Operations + Reconcile {}

impl<T: TicketStore + Directory + Users + Portal + Operations + Reconcile> Store for T {}

/// Where a change came from: for the audit trail and for a ticket's "raised by".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Who: `user:MarioG`, `operator:root`, `runner`.
    pub actor: String,
    /// The request's id, where there was a request.
    pub request_id: Option<String>,
}

/// A fault of the store: never the caller's fault, never explained to him.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting; nothing was written. Come back later.
    #[error("the store has too much waiting")]
    Overloaded,
    /// The database cannot be reached, or is locked by another process for too long; nothing was written.
    #[error("the database cannot be used now: {0}")]
    Unavailable(String),
    /// The connection broke while the commit was under way: all of it was written, or nothing. What can be said twice may
    /// be said again; of anything else it must be looked up first.
    #[error(
        "the connection to the database broke during a commit, so that the change may have been written or not: look at \
         what is there before you repeat it ({0})"
    )]
    Undecided(String),
    /// A constraint of the database refused the write; nothing was written.
    #[error("the database refused the write: {0}")]
    Conflict(String),
    /// A row holds what it must not hold, or a statement failed in a way that it must not.
    #[error("the store is broken: {0}")]
    Broken(String),
}
