//! Moves an installation from a SQLite file into a PostgreSQL database: all of it or nothing, and looked at again.
//!
//! The two schemas have the same tables; where they differ, [`source`] says how. What is copied is what the target has
//! tables for, in the order in which they refer to each other.
//!
//! Invariants: the target is empty before, and one transaction brings everything; it is committed only after every
//! table was read back and found to be what was read from the file. Nobody writes to the file meanwhile. Unless it is a
//! trial, the file is marked afterwards, so that no program carries out its open tickets a second time.

mod source;
mod target;
mod value;

use std::path::Path;

pub use source::Moved;

use crate::{postgres, sqlite};
use source::Source;
use target::Target;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file cannot be used.
    #[error(transparent)]
    Source(#[from] sqlite::OpenError),
    /// The database cannot be used.
    #[error(transparent)]
    Target(#[from] postgres::OpenError),
    /// There is something in the database already.
    #[error("the database is in use: it has rows in `{0}`; name an empty one")]
    NotEmpty(String),
    /// A row cannot be brought over.
    #[error("table `{table}`: {reason}; nothing was copied")]
    Row {
        /// Its table.
        table: String,
        /// Why.
        reason: String,
    },
    /// What was read back is not what was written.
    #[error(
        "table `{table}` was not the same when it was read back ({wrote} rows were written, {found} found); nothing was copied"
    )]
    Differs {
        /// The table.
        table: String,
        /// Rows that were written.
        wrote: u64,
        /// Rows that were found.
        found: u64,
    },
    /// One of the databases failed.
    #[error("{0}; nothing was copied")]
    Broken(String),
    /// The database has everything; the file could not be marked.
    #[error(
        "everything was copied, but the file could not be marked as moved ({0}): let no server use it any more"
    )]
    Unmarked(String),
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(format!("the file: {error}"))
    }
}

impl From<tokio_postgres::Error> for CopyError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Broken(format!("the database: {}", postgres::words(&error)))
    }
}

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The table at hand.
    pub table: &'a str,
    /// Rows that were written or read back so far.
    pub done: u64,
    /// Rows to be written and read back.
    pub total: u64,
}

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Each table with its rows.
    pub tables: Vec<(String, u64)>,
}

/// Copies the installation in the file `from` into the empty database `to`. `moved` is what the file is marked with;
/// `None` leaves it as it is, for a trial. No server may have the file (see [`sqlite::ServeLock`]).
pub async fn copy(
    from: &Path,
    to: &str,
    moved: Option<Moved>,
    report: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<Copied, CopyError> {
    let target = Target::open(to).await?;
    let tables = target.tables().await?;
    let mut source = Source::open(from, &tables)?;
    let total = 2 * source.rows;
    target.begin().await?;
    let (mut copied, mut done) = (Copied::default(), 0);
    let mut written = Vec::with_capacity(tables.len());
    for table in &tables {
        let mut at = |rows| report(Step { table: &table.name, done: done + rows, total });
        let wrote = target.fill(table, &mut source, &mut at).await?;
        done += wrote.rows;
        copied.tables.push((table.name.clone(), wrote.rows));
        written.push(wrote);
    }
    for (table, wrote) in tables.iter().zip(&written) {
        let mut at = |rows| report(Step { table: &table.name, done: done + rows, total });
        let found = target.read_back(table, &mut at).await?;
        if found != *wrote {
            let (wrote, found) = (wrote.rows, found.rows);
            return Err(CopyError::Differs { table: table.name.clone(), wrote, found });
        }
        done += found.rows;
    }
    target.commit().await?;
    source.finish(moved).await?;
    Ok(copied)
}
