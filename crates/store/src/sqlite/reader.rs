//! The readers: a few threads, each with a connection of its own that cannot write.
//!
//! In WAL mode they neither wait for the writer nor hold it up. A read of several statements runs in one read
//! transaction, so that it sees one moment.

use crossbeam_channel::{Receiver, Sender, TrySendError};
use provisor_domain::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::Result;

/// Most questions that wait for a reader; over it the caller is told to come back.
const READS_WAITING_MAX: usize = 4_096;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the readers.
#[derive(Clone)]
pub(super) struct ReaderHandle {
    questions: Sender<Question>,
}

impl ReaderHandle {
    /// A handle, and what the reading threads serve from.
    pub(super) fn pair() -> (Self, Questions) {
        let (questions, waiting) = crossbeam_channel::bounded(READS_WAITING_MAX);
        (Self { questions }, Questions(waiting))
    }

    /// Asks one statement's worth.
    pub(super) async fn one<T, F>(&self, ask: F) -> std::result::Result<T, StoreError>
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

    /// Asks several statements' worth, all of them about one moment.
    pub(super) async fn moment<T, F>(&self, ask: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.one(move |connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let answer = ask(connection);
            connection.prepare_cached("COMMIT")?.execute([])?;
            answer
        })
        .await
    }
}

fn gone() -> StoreError {
    StoreError::Broken("the store's readers have stopped".to_owned())
}

/// What the reading threads serve from; they share it.
#[derive(Clone)]
pub(super) struct Questions(Receiver<Question>);

impl Questions {
    /// Serves until every handle is gone.
    pub(super) fn serve(&self, connection: &Connection) {
        while let Ok(question) = self.0.recv() {
            question(connection);
        }
    }
}
