//! The one writer: a thread that owns the one connection that writes.
//!
//! It takes whatever waits, runs it in one transaction, commits, and only then answers: many concurrent writes cost
//! one `fsync`. There is no timer: an idle store adds no delay, a busy one gathers by itself.
//!
//! Invariants:
//! - Nothing is answered before the commit that holds it.
//! - A job that fails does not harm its neighbours: the group is rolled back and each job is run again, alone.
//! - After a failure of the disk nothing is written any more. Wrong is worse than down.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use provisor_domain::store::StoreError;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::fault::{Fault, Result};
use super::open::read_only;
use super::turn::Turn;

/// Most jobs that wait for the writer; over it the caller is told to come back.
pub(super) const WRITES_WAITING_MAX: usize = 4_096;

/// How often one job is run alone before it is given up: once as it is, once more when it asks for it.
const RUNS_ALONE_MAX: usize = 2;

/// A write that waits for its turn. It may be run several times; only what the last run did is committed.
pub(super) trait Job: Send {
    /// Does the work, inside a transaction of the writer.
    fn run(&mut self, connection: &Connection) -> Result<()>;
    /// Tells whoever waits. `Ok` only after the commit.
    fn answer(self: Box<Self>, outcome: std::result::Result<(), StoreError>);
}

struct Answering<T, F> {
    work: F,
    done: Option<T>,
    reply: oneshot::Sender<std::result::Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&Connection) -> Result<T> + Send> Job for Answering<T, F> {
    fn run(&mut self, connection: &Connection) -> Result<()> {
        self.done = None;
        self.done = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: std::result::Result<(), StoreError>) {
        let Self { done, reply, .. } = *self;
        let answer = outcome.and_then(|()| done.ok_or_else(gone));
        // Nobody may be waiting any more: the caller hung up. What was written stays written.
        drop(reply.send(answer));
    }
}

fn gone() -> StoreError {
    StoreError::Broken("the store's writer has stopped".to_owned())
}

fn halted() -> StoreError {
    StoreError::Broken(
        "the disk failed earlier, nothing is written any more: check it, then start again"
            .to_owned(),
    )
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct WriterHandle {
    jobs: Sender<Box<dyn Job>>,
    halted: Arc<AtomicBool>,
}

impl WriterHandle {
    /// A handle, and the writer that will serve it once its thread calls [`Writer::serve`].
    pub(super) fn pair(connection: Connection, turn: Turn, group_max: usize) -> (Self, Writer) {
        let (jobs, waiting) = crossbeam_channel::bounded(WRITES_WAITING_MAX);
        let halted = Arc::new(AtomicBool::new(false));
        let group_max = group_max.max(1);
        let writer = Writer { connection, turn, waiting, group_max, halted: Arc::clone(&halted) };
        (Self { jobs, halted }, writer)
    }

    /// An error once the writer has given up on the disk.
    pub(super) fn check(&self) -> std::result::Result<(), StoreError> {
        if self.halted.load(Ordering::Relaxed) { Err(halted()) } else { Ok(()) }
    }

    /// Has `work` done in a transaction of the writer, and waits until it is on disk.
    pub(super) async fn run<T, F>(&self, work: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T> + Send + 'static,
    {
        self.check()?;
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Answering { work, done: None, reply });
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(gone())),
            Err(TrySendError::Full(_)) => Err(StoreError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(gone()),
        }
    }
}

/// The writing thread's own state.
pub(super) struct Writer {
    connection: Connection,
    turn: Turn,
    waiting: Receiver<Box<dyn Job>>,
    group_max: usize,
    halted: Arc<AtomicBool>,
}

/// Why a group did not make it to disk.
enum Setback {
    /// One of the jobs failed; the others may do without it.
    Job(Fault),
    /// The transaction itself failed: no job can do better.
    Transaction(Fault),
}

impl Writer {
    /// Serves until every handle is gone and everything that waited is done; then tidies up.
    pub(super) fn serve(self) {
        while let Ok(first) = self.waiting.recv() {
            let mut group = vec![first];
            while group.len() < self.group_max
                && let Ok(job) = self.waiting.try_recv()
            {
                group.push(job);
            }
            self.serve_group(group);
        }
        // Leaves one file behind instead of two where it can; not needed for safety.
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::debug!(%error, "no checkpoint at the end");
        }
    }

    fn serve_group(&self, mut group: Vec<Box<dyn Job>>) {
        let outcome = match self.attempt(&mut group) {
            Ok(()) => Ok(()),
            Err(Setback::Transaction(fault)) => Err(fault.to_store_error()),
            Err(Setback::Job(fault)) if group.len() == 1 && !matches!(fault, Fault::Again) => {
                Err(fault.to_store_error())
            }
            Err(Setback::Job(_)) => {
                return group.into_iter().for_each(|job| self.serve_alone(job));
            }
        };
        for job in group {
            job.answer(outcome.clone());
        }
    }

    fn serve_alone(&self, job: Box<dyn Job>) {
        let mut alone = [job];
        let mut outcome = Err(StoreError::Broken("the job was never run".to_owned()));
        for _ in 0..RUNS_ALONE_MAX {
            match self.attempt(&mut alone) {
                Ok(()) => outcome = Ok(()),
                Err(Setback::Job(Fault::Again)) => {
                    outcome = Err(Fault::Again.to_store_error());
                    continue;
                }
                Err(Setback::Job(fault) | Setback::Transaction(fault)) => {
                    outcome = Err(fault.to_store_error());
                }
            }
            break;
        }
        let [job] = alone;
        job.answer(outcome);
    }

    /// Runs `group` in one transaction and commits it, or leaves nothing behind.
    fn attempt(&self, group: &mut [Box<dyn Job>]) -> std::result::Result<(), Setback> {
        self.check()?;
        let begin = || self.control("BEGIN IMMEDIATE");
        self.turn.take(begin).map_err(|fault| self.give_up(self.about_owner(fault)))?;
        for job in group {
            if let Err(fault) = job.run(&self.connection) {
                self.roll_back();
                if fault.is_fatal() {
                    return Err(self.give_up(fault));
                }
                return Err(Setback::Job(self.about_owner(fault)));
            }
        }
        self.control("COMMIT").map_err(|fault| {
            self.roll_back();
            self.give_up(fault)
        })
    }

    fn check(&self) -> std::result::Result<(), Setback> {
        if self.halted.load(Ordering::Relaxed) {
            return Err(Setback::Transaction(halted().into()));
        }
        Ok(())
    }

    /// A file that cannot be written to was opened all the same: who only reads needs no more.
    fn about_owner(&self, fault: Fault) -> Fault {
        match (&fault, self.connection.path()) {
            (Fault::Sql(error), Some(path))
                if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) =>
            {
                StoreError::Unavailable(read_only(Path::new(path))).into()
            }
            _ => fault,
        }
    }

    fn control(&self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// A transaction that failed as a whole. A failed disk ends all writing: an `fsync` that is tried again lies.
    fn give_up(&self, fault: Fault) -> Setback {
        if fault.is_fatal() && !self.halted.swap(true, Ordering::Relaxed) {
            tracing::error!(error = %fault, "the disk failed: nothing is written any more");
        }
        Setback::Transaction(fault)
    }

    fn roll_back(&self) {
        if self.connection.is_autocommit() {
            return; // SQLite has already done it by itself (disk full, out of memory, I/O error).
        }
        if let Err(fault) = self.control("ROLLBACK") {
            self.halted.store(true, Ordering::Relaxed);
            tracing::error!(error = %fault, "cannot roll back: nothing is written any more");
        }
    }
}
