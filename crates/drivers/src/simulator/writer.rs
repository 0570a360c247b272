//! The one thread that changes the network's memory.
//!
//! It takes whatever commands wait, up to [`GROUP_MAX`], and makes them one transaction: a command costs a row, not a
//! commit. Invariants: a command is applied wholly or not at all; nobody gets an answer before the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use jiff::Timestamp;
use provisor_domain::clock::Clock;
use provisor_domain::driver::{OnceKey, Outcome};
use rusqlite::{Connection, Savepoint, TransactionBehavior};
use tokio::sync::oneshot;

use super::state::{self, Step};

/// Most commands in one transaction.
const GROUP_MAX: usize = 1_000;
/// How long a caller is asked to stay away when the queue is full.
const QUEUE_FULL_AFTER: Duration = Duration::from_millis(100);

/// What is to become of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Apply it.
    Apply,
    /// Apply it and keep silent about it.
    ApplyUnreported,
    /// Refuse it, unless there is nothing to do.
    Refuse,
    /// Nothing; only write this word down.
    Note(&'static str),
}

/// A command on its way to the memory.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) once: OnceKey,
    pub(super) steps: Vec<Step>,
    pub(super) act: Act,
    /// The wants as they are written down, when they are.
    pub(super) logged: Option<String>,
    pub(super) reply: oneshot::Sender<Outcome>,
}

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) received: AtomicU64,
    pub(super) changed: AtomicU64,
    pub(super) unchanged: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) too_fast: AtomicU64,
}

impl Counters {
    /// Counts one more; answers how many there were before.
    pub(super) fn one(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::Relaxed)
    }
}

/// The thread and the way to it. Dropping it lets the thread finish what waits and ends it.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. At most `waiting_max` commands wait for it.
    pub(super) fn start(
        connection: Connection,
        waiting_max: usize,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) = crossbeam_channel::bounded(waiting_max);
        let mut memory = Memory { connection, clock, counters };
        let thread = std::thread::Builder::new()
            .name("simulated-network".into())
            .spawn(move || memory.serve(&waiting))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Queues a command; the answer comes through its `reply`. Answers at once when it could not be queued.
    pub(super) fn submit(&self, job: Job) -> Result<(), Outcome> {
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(Outcome::Later {
                reason: "the simulated network has too many commands waiting".into(),
                after: Some(QUEUE_FULL_AFTER),
            }),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(gone()),
        }
    }
}

/// The answer when the thread has ended: that is a fault of ours, and nothing was sent.
pub(super) fn gone() -> Outcome {
    Outcome::Unavailable { reason: "the simulated network's writer has ended; restart".into() }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the simulated network's writer had panicked");
        }
    }
}

struct Memory {
    connection: Connection,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

/// What came of a command before anybody was told.
enum Applied {
    Changed,
    Unchanged,
    NumberTaken,
    RefusedByChance,
    Noted,
}

impl Memory {
    fn serve(&mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            group.extend(jobs.try_iter().take(GROUP_MAX - 1));
            match self.commit(&group) {
                Ok(applied) => self.answer(group, &applied),
                Err(error) => {
                    tracing::warn!(%error, commands = group.len(), "simulated network cannot write");
                    let reason = format!("the simulated network cannot write: {error}");
                    for job in group {
                        // A caller that no longer waits has been cut off; that is its answer.
                        let _ = job.reply.send(Outcome::Unavailable { reason: reason.clone() });
                    }
                }
            }
        }
    }

    /// One transaction for the whole group. An error changes nothing.
    fn commit(&mut self, group: &[Job]) -> rusqlite::Result<Vec<Applied>> {
        let now = self.clock.now();
        let mut transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut applied = Vec::with_capacity(group.len());
        for job in group {
            let result = if job.steps.len() > 1 {
                let savepoint = transaction.savepoint()?;
                let result = apply(&savepoint, job, now, &self.counters)?;
                settle(savepoint, &result)?;
                result
            } else {
                apply(&transaction, job, now, &self.counters)?
            };
            if let Some(wants) = &job.logged {
                state::log(&transaction, job.once, wants, word(job.act, &result), now)?;
            }
            applied.push(result);
        }
        transaction.commit()?;
        Ok(applied)
    }

    fn answer(&self, group: Vec<Job>, applied: &[Applied]) {
        for (job, applied) in group.into_iter().zip(applied) {
            let counters = &self.counters;
            let outcome = match applied {
                Applied::Changed if job.act == Act::ApplyUnreported => {
                    Counters::one(&counters.changed);
                    Outcome::Unknown {
                        reason: "the simulated network lost the answer (an injected fault)".into(),
                    }
                }
                Applied::Changed => {
                    Counters::one(&counters.changed);
                    Outcome::Done
                }
                Applied::Unchanged => {
                    Counters::one(&counters.unchanged);
                    Outcome::Done
                }
                Applied::NumberTaken => {
                    Counters::one(&counters.refused);
                    Outcome::Refused { reason: "the number belongs to another subscriber".into() }
                }
                Applied::RefusedByChance => {
                    Counters::one(&counters.refused);
                    Outcome::Refused {
                        reason: "the simulated network refuses (an injected fault)".into(),
                    }
                }
                Applied::Noted => Outcome::Done,
            };
            // A caller that no longer waits has been cut off; the change stands, as at a real network.
            let _ = job.reply.send(outcome);
        }
    }
}

/// Applies a command step by step. A refusal may leave earlier steps behind: the caller rolls them back.
fn apply(
    connection: &Connection,
    job: &Job,
    now: Timestamp,
    counters: &Counters,
) -> rusqlite::Result<Applied> {
    if let Act::Note(_) = job.act {
        return Ok(Applied::Noted);
    }
    let mut changed = false;
    for step in &job.steps {
        let found = state::compare(connection, job.once, step)?;
        if found.newer {
            // A real element has no fence either: the command is carried out.
            Counters::one(&counters.stale);
        }
        if found.equal {
            continue;
        }
        if job.act == Act::Refuse {
            return Ok(Applied::RefusedByChance);
        }
        if !state::write(connection, job.once, step, now)? {
            return Ok(Applied::NumberTaken);
        }
        changed = true;
    }
    Ok(if changed { Applied::Changed } else { Applied::Unchanged })
}

/// Keeps what a command of several steps did, or none of it.
fn settle(mut savepoint: Savepoint<'_>, applied: &Applied) -> rusqlite::Result<()> {
    if matches!(applied, Applied::NumberTaken | Applied::RefusedByChance) {
        savepoint.rollback()?;
    }
    savepoint.commit()
}

/// How a command is written down.
fn word(act: Act, applied: &Applied) -> &'static str {
    match (act, applied) {
        (Act::Note(word), _) => word,
        (Act::ApplyUnreported, Applied::Changed) => "done_but_not_reported",
        (_, Applied::Changed) => "done",
        (_, Applied::Unchanged | Applied::Noted) => "unchanged",
        (_, Applied::NumberTaken | Applied::RefusedByChance) => "refused",
    }
}
