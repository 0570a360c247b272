//! The store on SQLite: one writer with group commit, a few readers, one file.
//!
//! Invariants:
//! - Only the writer's thread writes ([`writer`]); readers hold connections that cannot.
//! - Processes that write to the same file take turns ([`turn`]).
//! - What a method answered `Ok` for is on disk: WAL with `synchronous=FULL`.
//! - No connection is used by two threads; no async thread ever waits for the disk.

mod audit;
mod catalogue;
mod directory;
mod fault;
mod import;
mod lock;
mod open;
mod operations;
mod portal;
mod reader;
mod reconcile;
mod row;
mod sql;
mod statements;
mod support_cases;
mod sweep;
#[cfg(test)]
mod tests;
mod tickets;
mod turn;
mod users;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use provisor_domain::store::StoreError;
use rusqlite::Connection;

pub use lock::{Pid, ServeLock};
pub use open::OpenError;
pub(crate) use open::{MOVED_TO, open_as_it_is};
pub(crate) use sql::INSTALLATION_KEY;

use fault::Result as Outcome;
use reader::ReaderHandle;
use turn::Turn;
use writer::WriterHandle;

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Most writes that share one commit. 1 turns group commit off (for measuring what it brings).
    pub group_max: usize,
    /// How many threads read.
    pub readers: usize,
    /// Whether an older file is migrated. An empty one always gets its schema.
    pub migrate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { group_max: 256, readers: 2, migrate: true }
    }
}

/// The store. Clones share it; when the last one is dropped, what waits is finished and the file is closed.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    // Taken apart when dropped: threads end when their handle is gone.
    handles: Option<(WriterHandle, ReaderHandle)>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteStore")
    }
}

impl SqliteStore {
    /// Opens the database at `path`, which is created when absent and migrated when older (see [`Options::migrate`]).
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        let (connection, _, _) = open::open_writer(path, options.migrate)?;
        let (writer_handle, writer) =
            WriterHandle::pair(connection, Turn::open(path)?, options.group_max);
        let readers = options.readers.max(1);
        let (reader_handle, questions) = ReaderHandle::pair(readers);
        let mut shared =
            Shared { handles: Some((writer_handle, reader_handle)), writer: None, readers: vec![] };
        shared.writer = Some(spawn(path, "store-writer".to_owned(), move || writer.serve())?);
        for number in 0..readers {
            let connection = open::open_reader(path)?;
            let questions = questions.clone();
            let serve = move || questions.serve(&connection);
            shared.readers.push(spawn(path, format!("store-reader-{number}"), serve)?);
        }
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Migrates the database at `path`. Answers from and to which schema it went (equal when there was nothing to do).
    pub fn migrate(path: &Path) -> Result<(usize, usize), OpenError> {
        open::open_writer(path, true).map(|(_, from, to)| (from, to))
    }

    /// True once the disk has failed: nothing is written any more, and what was acknowledged before is all there is. Only a
    /// new start, which reads the files again, can go on.
    pub fn has_halted(&self) -> bool {
        self.check_writer().is_err()
    }

    fn handles(&self) -> Result<&(WriterHandle, ReaderHandle), StoreError> {
        self.shared
            .handles
            .as_ref()
            .ok_or_else(|| StoreError::Broken("the store was closed".to_owned()))
    }

    /// An error once nothing can be written any more.
    fn check_writer(&self) -> Result<(), StoreError> {
        self.handles()?.0.check()
    }

    /// Writes, in one transaction that may be shared with other writes.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Outcome<T> + Send + 'static,
    {
        self.handles()?.0.run(work).await
    }

    /// Reads, all of it about one moment.
    async fn read<T, F>(&self, ask: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        self.handles()?.1.ask(ask).await
    }
}

fn spawn(
    path: &Path,
    name: String,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new().name(name).spawn(work).map_err(|error| OpenError::Cannot {
        path: path.to_owned(),
        reason: format!("no thread for it: {error}"),
    })
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.handles = None;
        // Readers first: the last connection to close is the writer's, which then tidies the file.
        for thread in self.readers.drain(..).chain(self.writer.take()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
    }
}
