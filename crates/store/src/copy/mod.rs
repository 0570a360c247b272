//! Moves an installation from a SQLite file into a PostgreSQL database: all of it or nothing, and looked at again.
//!
//! The two schemas have the same tables; where they differ, [`source`] says how. What is copied is what the target has
//! tables for, in the order in which they refer to each other.
//!
//! Invariants: the target is empty before, and one transaction brings everything; it is committed only after every
//! table was read back and found to be what was read from the file. Nobody writes to the file meanwhile. Unless it is a
//! trial, the file is marked afterwards, so that no program carries out its open tickets a second time. A commit that gets no
//! answer is looked up; a copy that ended between the commit and the mark is finished by the next one, which finds the
//! installation there and compares.

mod source;
mod target;
mod value;

use std::path::Path;
use std::time::Duration;

pub use source::Moved;

use crate::{postgres, sqlite};
use source::Source;
use target::{Found, Table, Target};
use value::Sum;

/// How long it is tried to find out whether a commit happened that got no answer: longer than a failover takes.
pub const LOOK_MAX: Duration = Duration::from_mins(1);

/// Why nothing was copied, unless it says otherwise.
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
    /// The database has the same installation, but not as the file has it.
    #[error(
        "the database has this installation already, but `{0}` is not what the file has: one of them was used since it was \
         copied. If nodes worked on the database, it counts: let no server use the file any more. If they did not, empty \
         the database (DROP SCHEMA provisor CASCADE) and copy again"
    )]
    Used(String),
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
    /// The commit got no answer, and nobody could be asked whether it happened.
    #[error(
        "it is not known whether everything was copied or nothing: the commit got no answer ({0}), and the database could \
         not be asked afterwards. Start no server, neither on the file nor on the database. When the database answers, \
         give the same command again: it finds out, and finishes or begins anew"
    )]
    Undecided(String),
    /// The database has everything; the file could not be marked.
    #[error(
        "everything was copied, but the file could not be marked as moved ({0}): let no server use it, and give the same \
         command again, which marks it"
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
/// `None` leaves it as it is, for a trial. No server may have the file (see [`sqlite::ServeLock`]). `look_max`: how long it is
/// tried to find out whether a commit happened that got no answer ([`LOOK_MAX`]).
///
/// A database that has the same installation with the very same rows, because a copy before this one ended before it could
/// mark the file, is as good as copied.
pub async fn copy(
    from: &Path,
    to: &str,
    moved: Option<Moved>,
    look_max: Duration,
    report: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<Copied, CopyError> {
    let mut target = Target::open(to).await?;
    let tables = target.tables().await?;
    let mut source = Source::open(from, &tables)?;
    let mut progress = Progress { report, before: 0, total: 2 * source.rows };
    let copied = match target.begin(&source.installation).await? {
        Found::Nothing => {
            let copied = fill(&target, &tables, &mut source, &mut progress).await?;
            target.commit(&source.installation, look_max).await?;
            copied
        }
        Found::Installation => compare(&target, &tables, &mut source, &mut progress).await?,
    };
    // Before anything else: from the commit on there are two that could carry out the same tickets.
    source.finish(moved).await?;
    target.analyze().await;
    Ok(copied)
}

/// How far it has come.
struct Progress<'a> {
    report: &'a mut (dyn FnMut(Step<'_>) + Send),
    /// Rows of what is behind it.
    before: u64,
    total: u64,
}

impl Progress<'_> {
    fn at(&mut self, table: &Table, rows: u64) {
        let done = (self.before + rows).min(self.total);
        (self.report)(Step { table: &table.name, done, total: self.total });
    }

    /// What the target has in a table.
    async fn read_back(&mut self, target: &Target, table: &Table) -> Result<Sum, CopyError> {
        let found = target.read_back(table, &mut |rows| self.at(table, rows)).await?;
        self.before += found.rows;
        Ok(found)
    }
}

/// Writes all tables, and reads them back.
async fn fill(
    target: &Target,
    tables: &[Table],
    source: &mut Source,
    progress: &mut Progress<'_>,
) -> Result<Copied, CopyError> {
    let mut copied = Copied::default();
    let mut written = Vec::with_capacity(tables.len());
    for table in tables {
        let wrote = target.fill(table, source, &mut |rows| progress.at(table, rows)).await?;
        progress.before += wrote.rows;
        copied.tables.push((table.name.clone(), wrote.rows));
        written.push(wrote);
    }
    for (table, wrote) in tables.iter().zip(&written) {
        let found = progress.read_back(target, table).await?;
        if found != *wrote {
            let (wrote, found) = (wrote.rows, found.rows);
            return Err(CopyError::Differs { table: table.name.clone(), wrote, found });
        }
    }
    Ok(copied)
}

/// Compares all tables of the file with those of the database, which has the same installation.
async fn compare(
    target: &Target,
    tables: &[Table],
    source: &mut Source,
    progress: &mut Progress<'_>,
) -> Result<Copied, CopyError> {
    let mut copied = Copied::default();
    for table in tables {
        let mut wanted = Sum::default();
        loop {
            let batch = source.next().await?;
            if batch.is_empty() {
                break;
            }
            for row in &batch {
                wanted.add(row);
            }
            progress.at(table, wanted.rows);
        }
        progress.before += wanted.rows;
        let found = progress.read_back(target, table).await?;
        if found != wanted {
            return Err(CopyError::Used(table.name.clone()));
        }
        copied.tables.push((table.name.clone(), found.rows));
    }
    target.confirm().await?;
    Ok(copied)
}
