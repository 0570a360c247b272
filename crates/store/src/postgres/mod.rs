//! The store on PostgreSQL: a few connections, each used by many at once.
//!
//! Invariants:
//! - What a method answered `Ok` for is committed; the server is refused when its commits are not durable ([`open`]).
//! - A write is one transaction ([`work::Work`]) that has its connection to itself; questions share theirs ([`link`]), and
//!   a question of several statements is asked about one moment.
//! - Whoever changes a SIM or a portal customer holds its row of `subject_lock`: a ticket, or the catalogue for the length
//!   of its transaction. Whoever opens a ticket takes that row first and looks at the version after that.
//! - Rows are locked in one order everywhere: keys, subjects, counters of relations, tickets, the books, contracts.
//! - A transaction whose commit was under way when the connection broke is never repeated. Of tickets that were opened
//!   it is found out whether they are there ([`tickets`]); other callers get [`StoreError::Undecided`], and what was sent
//!   is fenced (a claim by its lease, a settlement by its epoch) or can be said twice.

mod address;
mod audit;
mod bell;
mod catalogue;
mod directory;
mod fault;
mod gather;
mod import;
mod line;
mod link;
mod open;
mod operations;
mod portal;
mod pulse;
mod question;
mod reconcile;
mod row;
mod sql;
mod support_cases;
mod sweep;
#[cfg(test)]
mod tests;
mod tickets;
mod tls;
mod users;
mod work;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::store::{NewTicket, StoreError};
use tokio::runtime::Handle;
use tokio_postgres::Row;

pub use open::OpenError;

pub(crate) use fault::words;
pub(crate) use sql::{CONFIRM, COPY_IDENTITIES, COPY_NUMBERS, COPY_TABLES, INSTALLATION_KEY};

use address::Address;
use bell::Bell;
use fault::{Fault, Result as Outcome};
use gather::Gatherer;
use line::Line;
use link::{Answer, Ask, Param};
use question::{Desks, Question};
use work::Work;

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many connections write and claim.
    pub writers: usize,
    /// How many connections open tickets: so many transactions gather calls at the same time, and where one waits for somebody
    /// else (a lock that a frozen node has), the others go on.
    pub openers: usize,
    /// Most tickets that are opened in one transaction when several calls wait. 1 turns it off (for measuring what it
    /// brings): each call is a transaction of its own.
    pub group_max: usize,
    /// How many connections read.
    pub readers: usize,
    /// Whether an empty database gets its schema.
    pub make: bool,
    /// Whether an older schema is migrated.
    pub migrate: bool,
    /// Whether a server is accepted whose settings can lose what was acknowledged (`fsync`, `full_page_writes` or
    /// `synchronous_commit` off; `synchronous_commit` local although there are synchronous standbys).
    pub accept_loss: bool,
    /// Whose clock tells when a ticket is due and a lease ends.
    pub clock: LeaseClock,
}

/// Whose clock tells when a ticket is due and a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseClock {
    /// The database's: nodes whose clocks differ agree.
    Database,
    /// The caller's `now`: for one node, and for tests that move time.
    Caller,
}

impl Default for Options {
    fn default() -> Self {
        let clock = LeaseClock::Database;
        Self {
            writers: 2,
            openers: 2,
            group_max: TICKETS_PER_BATCH_MAX,
            readers: 2,
            make: true,
            migrate: true,
            accept_loss: false,
            clock,
        }
    }
}

/// The store. Clones share it; when the last one is dropped, its connections are closed.
#[derive(Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
    opening: Gatherer<NewTicket>,
    asking: Desks,
}

struct Shared {
    openers: Vec<Line>,
    writers: Vec<Line>,
    readers: Vec<Line>,
    next_reader: AtomicUsize,
    next_writer: AtomicUsize,
    clock: LeaseClock,
    bell: Bell,
    outdated: Outdated,
}

/// Set once the database has become too new for this program.
type Outdated = Arc<OnceLock<OpenError>>;

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresStore")
    }
}

impl PostgresStore {
    /// Opens the database that `url` names (`postgres://user:password@host:port/database?parameters`, see
    /// [`address`]), which gets its schema when it is empty ([`Options::make`]) and is migrated when it is older
    /// ([`Options::migrate`]).
    ///
    /// Connections live on the runtime that this is called on. The user needs the right to create schemas when
    /// there is something to migrate.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        Self::open_on(url, options, &[]).await
    }

    /// As [`PostgresStore::open`], for callers who are on `reactors`: connections that read and that open tickets live
    /// there, shared out evenly, so that who asks and who is asked are on one thread. Anybody else may call, too.
    pub async fn open_on(
        url: &str,
        options: Options,
        reactors: &[Handle],
    ) -> Result<Self, OpenError> {
        let address = Address::read(url)?;
        open::bring_up(&address, options).await?;
        let here = [Handle::current()];
        let reactors = if reactors.is_empty() { &here } else { reactors };
        let lines = |count: usize, runtimes: &[Handle]| {
            let runtimes = runtimes.iter().cycle().take(count.max(1));
            runtimes.map(|runtime| Line::new(&address, options, runtime.clone())).collect()
        };
        let outdated = Arc::default();
        let shared = Arc::new(Shared {
            openers: lines(options.openers, reactors),
            writers: lines(options.writers, &here),
            readers: lines(options.readers, reactors),
            next_reader: AtomicUsize::new(0),
            next_writer: AtomicUsize::new(0),
            clock: options.clock,
            bell: Bell::hang(address, Arc::clone(&outdated)),
            outdated,
        });
        let opening = Gatherer::spawn(&shared, 0..shared.openers.len(), options.group_max);
        let asking = Desks::open(&shared, reactors);
        Ok(Self { shared, opening, asking })
    }

    /// Migrates the database that `url` names. Answers from and to which schema it went (equal when there was nothing
    /// to do).
    pub async fn migrate(url: &str, options: Options) -> Result<(usize, usize), OpenError> {
        let address = Address::read(url)?;
        open::bring_up(&address, Options { make: true, migrate: true, ..options }).await
    }

    /// Why the database is not used any more: a newer program has migrated it to a schema that this one cannot work with
    /// ([`OpenError::Newer`]). That is noticed within seconds; from then on every method answers
    /// [`StoreError::Unavailable`], and the program should end.
    pub fn outdated(&self) -> Option<OpenError> {
        self.shared.outdated.get().cloned()
    }

    fn usable(&self) -> Outcome<()> {
        self.shared.outdated.get().map_or(Ok(()), |why| Err(Fault::unavailable(why.to_string())))
    }

    /// Begins a write. See [`Work`].
    async fn work(&self) -> Outcome<Work> {
        self.usable()?;
        let writers = &self.shared.writers;
        for line in writers {
            if let Some(work) = line.try_work().await? {
                return Ok(work);
            }
        }
        let next = self.shared.next_writer.fetch_add(1, Ordering::Relaxed);
        writers[next % writers.len()].work().await
    }

    /// Asks several things about one moment.
    async fn ask(&self, asks: &[Ask]) -> Outcome<Vec<Answer>> {
        self.usable()?;
        let next = self.shared.next_reader.fetch_add(1, Ordering::Relaxed);
        let readers = &self.shared.readers;
        readers[next % readers.len()].ask(asks).await
    }

    /// Asks several things about one moment, together with what others ask. Answers the rows of each, which begin with
    /// a place that says nothing any more.
    async fn ask_together(&self, questions: Vec<Question>) -> Outcome<Vec<Vec<Row>>> {
        self.usable()?;
        Ok(self.asking.mine().join(questions).await?)
    }

    /// Asks one thing.
    async fn ask_one(&self, sql: &'static str, params: Vec<Param>) -> Outcome<Vec<Row>> {
        let mut answers = self.ask(&[Ask::new(sql, params)]).await?;
        Ok(answers.pop().map(|answer| answer.rows).unwrap_or_default())
    }
}

/// A connection of one's own to the database that `url` names, which has its schema.
pub(crate) async fn bare(url: &str) -> Result<tokio_postgres::Client, OpenError> {
    let address = Address::read(url)?;
    open::bring_up(&address, Options { migrate: false, ..Options::default() }).await?;
    open::bare(&address).await
}

/// What the port says of an outcome.
fn told<T>(outcome: Outcome<T>) -> Result<T, StoreError> {
    outcome.map_err(|fault: Fault| fault.to_store_error())
}
