//! The readers: a few threads, each with a connection of its own that cannot write.
//!
//! In WAL mode they neither wait for the writer nor hold it up. Whatever waits when a reader has time is answered in
//! one read transaction: beginning and ending one costs about as much as a question.
//!
//! Invariants:
//! - A question sees everything that was committed before it was asked: a transaction begins after its questions were
//!   taken from the queue.
//! - A question sees one moment, however many statements it has.
//! - A question that fails, or panics, does not harm its neighbours.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use provisor_domain::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::Result;

/// Most questions that wait for a reader; over it the caller is told to come back.
const READS_WAITING_MAX: usize = 4_096;

/// Most questions that share a transaction. Few, because those behind a long one wait for it, and while it lasts the
/// write-ahead log cannot be reset; among eight the cost of a transaction hardly shows any more.
const SHARED_MAX: usize = 8;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the readers.
#[derive(Clone)]
pub(super) struct ReaderHandle {
    questions: Sender<Question>,
}

impl ReaderHandle {
    /// A handle, and what `readers` reading threads serve from.
    pub(super) fn pair(readers: usize) -> (Self, Questions) {
        let (questions, waiting) = crossbeam_channel::bounded(READS_WAITING_MAX);
        (Self { questions }, Questions { waiting, readers })
    }

    /// Asks something, all of it about one moment.
    pub(super) async fn ask<T, F>(&self, ask: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            let answer = ask(connection).map_err(|fault| fault.to_store_error());
            drop(reply.send(answer)); // whoever asked may have left
        });
        match self.questions.try_send(question) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(gone())),
            Err(TrySendError::Full(_)) => Err(StoreError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(gone()),
        }
    }
}

fn gone() -> StoreError {
    StoreError::Broken("the store's reader did not answer".to_owned())
}

/// What the reading threads serve from; they share it.
#[derive(Clone)]
pub(super) struct Questions {
    waiting: Receiver<Question>,
    /// How many share it.
    readers: usize,
}

impl Questions {
    /// Serves until every handle is gone.
    pub(super) fn serve(&self, connection: &Connection) {
        let mut taken = Vec::with_capacity(SHARED_MAX);
        while let Ok(first) = self.waiting.recv() {
            taken.push(first);
            // Our share of what waits: the other readers have time, too, or will soon.
            let share = (self.waiting.len() / self.readers).min(SHARED_MAX - 1);
            taken.extend(self.waiting.try_iter().take(share));
            answer(connection, taken.drain(..));
        }
    }
}

/// Answers `questions` in one transaction.
fn answer(connection: &Connection, questions: impl Iterator<Item = Question>) {
    let control = |sql| connection.prepare_cached(sql)?.execute([]);
    if let Err(error) = control("BEGIN") {
        tracing::error!(%error, "no read transaction");
        return; // whoever asked is told that there is no answer
    }
    for question in questions {
        // A panic has been reported by itself; whoever asked is told that there is no answer.
        drop(catch_unwind(AssertUnwindSafe(|| question(connection))));
    }
    // SQLite has ended it by itself after some errors.
    if !connection.is_autocommit()
        && let Err(error) = control("COMMIT")
    {
        tracing::error!(%error, "a read transaction does not end");
    }
}
