//! What the one thread that changes the network's memory does with a group of commands: one transaction.
//!
//! Invariants: a command is applied wholly or not at all; nobody gets an answer before the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use provisor_domain::clock::Clock;
use provisor_domain::driver::{OnceKey, Outcome};
use rusqlite::{Connection, Savepoint, TransactionBehavior};
use tokio::sync::oneshot;

use super::state::{self, Step};

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

/// The memory, as its thread has it.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) connection: Connection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counters: Arc<Counters>,
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
    /// Carries out a group of commands and answers them.
    pub(super) fn serve(&mut self, group: Vec<Job>) {
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
