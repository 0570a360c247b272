//! The `SQLite` file of a driver that keeps a state of its own: marked as what it is and whose it is, so that no two
//! networks ever write to one file.
//!
//! Always WAL: readers and the one writer do not wait for each other, in this process and in others.
//!
//! A file that is removed or replaced stays open all the same: whoever goes on with it must ask [`Opened::is_lost`].

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use provisor_domain::NetworkCode;
use rusqlite::config::DbConfig;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};

/// The page cache of one connection, in KiB.
const CACHE_KIB: i32 = 8 * 1_024;
/// How long a connection waits for another process, in milliseconds.
const BUSY_MILLIS: u64 = 2_000;
/// Whose file it is.
const OWNER: &str = "CREATE TABLE network (code TEXT NOT NULL) STRICT";

/// A kind of file.
#[derive(Debug)]
pub(crate) struct Form {
    /// What keeps its state there, in words.
    pub(crate) what: &'static str,
    /// Marks the file as one of this kind (`PRAGMA application_id`).
    pub(crate) application_id: i32,
    /// The form of the tables (`PRAGMA user_version`).
    pub(crate) version: i32,
    /// The statements that make the tables.
    pub(crate) schema: &'static str,
    /// What a commit waits for (`PRAGMA synchronous`).
    pub(crate) synchronous: &'static str,
}

/// Why a driver's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened, read or written.
    #[error(
        "the {what}'s file {} cannot be used: {source}; check that its directory exists, that this user may write \
         there, and that the disk is not full", file.display()
    )]
    Sqlite {
        /// What keeps its state there.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// The file's directory cannot be made, or its rights cannot be set.
    #[error("{} cannot be made for the {what}'s file: {source}", path.display())]
    Place {
        /// What keeps its state there.
        what: &'static str,
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error(
        "{} is not a {what}'s file (or a newer program's); name another one with `file`", file.display()
    )]
    Foreign {
        /// What wanted it.
        what: &'static str,
        /// The file.
        file: PathBuf,
    },
    /// The file is another network's.
    #[error(
        "{} is the file of network {owner}, not of {network}; give each network its own `file`", file.display()
    )]
    OtherNetwork {
        /// The file.
        file: PathBuf,
        /// Whose file it is.
        owner: String,
        /// Who wanted it.
        network: NetworkCode,
    },
    /// The file is not the one that was opened any more.
    #[error(
        "the {what}'s file {} was removed or replaced while it was in use; whatever is missing in the one that is there \
         now, `provisor mail sync` puts back from the books", file.display()
    )]
    Lost {
        /// What keeps its state there.
        what: &'static str,
        /// The file.
        file: PathBuf,
    },
    /// The thread that writes could not be started.
    #[error("the {what}'s writer does not start: {source}")]
    Thread {
        /// Whose thread.
        what: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// A connection that knows whether its file is still the one at its path.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    file: PathBuf,
    inode: Option<Inode>,
}

impl Opened {
    /// Whether the file was removed or replaced since it was opened: what is written goes nowhere then.
    pub(crate) fn is_lost(&self) -> bool {
        inode(&self.file) != self.inode
    }
}

/// A file, whatever its path: the device and its number there. A number is not given away while the file is open.
type Inode = (u64, u64);

fn inode(file: &Path) -> Option<Inode> {
    std::fs::metadata(file).ok().map(|found| (found.dev(), found.ino()))
}

impl Form {
    /// Opens `file`, which is there, with `open`, such that it is known later whether it is lost.
    pub(crate) fn watched(
        &self,
        file: &Path,
        open: impl FnOnce() -> Result<Connection, FileError>,
    ) -> Result<Opened, FileError> {
        let before = inode(file);
        let opened = Opened { connection: open()?, file: file.to_owned(), inode: before };
        if opened.is_lost() { Err(self.lost(file)) } else { Ok(opened) }
    }

    /// The error for a file that was removed or replaced.
    pub(crate) fn lost(&self, file: &Path) -> FileError {
        FileError::Lost { what: self.what, file: file.to_owned() }
    }

    /// Opens `file` for writing, making it and its tables where there are none. It must be `network`'s.
    pub(crate) fn open_writer(
        &self,
        network: &NetworkCode,
        file: &Path,
    ) -> Result<Connection, FileError> {
        let failed = |source| self.failed(file, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection = connect(file, flags).map_err(failed)?;
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let tables: i64 = transaction
            .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
            .map_err(failed)?;
        if tables == 0 {
            transaction.execute_batch(OWNER).map_err(failed)?;
            transaction.execute_batch(self.schema).map_err(failed)?;
            transaction
                .pragma_update(None, "application_id", self.application_id)
                .map_err(failed)?;
            transaction.pragma_update(None, "user_version", self.version).map_err(failed)?;
            transaction
                .execute("INSERT INTO network (code) VALUES (?1)", [network.as_str()])
                .map_err(failed)?;
        }
        self.ours(&transaction, file)?;
        let owner: String = transaction
            .query_row("SELECT code FROM network", (), |row| row.get(0))
            .map_err(failed)?;
        if owner != network.as_str() {
            let (file, network) = (file.to_owned(), network.clone());
            return Err(FileError::OtherNetwork { file, owner, network });
        }
        transaction.commit().map_err(failed)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        connection.pragma_update(None, "synchronous", self.synchronous).map_err(failed)?;
        Ok(connection)
    }

    /// Opens `file` for reading; it must be of this kind.
    pub(crate) fn open_reader(&self, file: &Path) -> Result<Connection, FileError> {
        let connection = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|source| self.failed(file, source))?;
        self.ours(&connection, file)?;
        Ok(connection)
    }

    /// The error for what `SQLite` said about `file`.
    pub(crate) fn failed(&self, file: &Path, source: rusqlite::Error) -> FileError {
        let (what, file) = (self.what, file.to_owned());
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => FileError::Foreign { what, file },
            _ => FileError::Sqlite { what, file, source },
        }
    }

    fn ours(&self, connection: &Connection, file: &Path) -> Result<(), FileError> {
        let pragma =
            |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let marks = pragma("application_id").and_then(|id| Ok((id, pragma("user_version")?)));
        let marks = marks.map_err(|source| self.failed(file, source))?;
        if marks == (self.application_id, self.version) {
            return Ok(());
        }
        Err(FileError::Foreign { what: self.what, file: file.to_owned() })
    }
}

fn connect(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // Every connection is used by one thread at a time (a mutex or an own thread sees to it).
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MILLIS))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Without it the bundled SQLite plans every statement anew at each execution.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The error for a column that does not hold what it should.
pub(crate) fn broken(column: usize, kind: Type, error: impl Into<Failure>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, error.into())
}

/// A column as a value of the domain.
pub(crate) fn parsed<T: FromStr<Err: Into<Failure>>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(|error| broken(column, Type::Text, error))
}
