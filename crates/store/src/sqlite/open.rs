//! Opening a database file: is it ours, is it as new as we are, and the settings of each connection.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use super::lock::Pid;
use super::turn::patience;

/// The oldest SQLite that is safe: older ones can corrupt the file when a WAL is reset.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Marks a file as ours ("prov" in ASCII).
const APPLICATION_ID: i32 = 0x7072_6f76;
/// Page cache of the writing connection, in KiB.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// Page cache of each reading connection, in KiB.
const READER_CACHE_KIB: i64 = 12 * 1024;
/// A checkpoint is made when the write-ahead log has so many pages (16 MiB).
const WAL_CHECKPOINT_PAGES: i64 = 4_000;
/// What a write-ahead log is cut to after it had to grow, in bytes.
const WAL_KEPT_BYTES: i64 = 64 * 1024 * 1024;
/// Prepared statements kept by each connection: all of them.
const STATEMENTS_KEPT: usize = 256;

/// The setting that says where an installation has moved to.
pub(crate) const MOVED_TO: &str = "moved.to";

/// The migrations, oldest first. A file's `user_version` says how many of them it has.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/sqlite/0001_first.sql")];

/// Why a database cannot be used. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The SQLite in this program is not safe.
    #[error(
        "this program was built with SQLite {found}, which can damage a database: 3.51.3 is the oldest safe one"
    )]
    SqliteTooOld {
        /// Its version.
        found: &'static str,
    },
    /// The file cannot be opened or created.
    #[error("cannot open or create {}: {reason}; check that its folder exists and may be written to", .path.display())]
    Cannot {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file, or one that SQLite has beside it, is another user's.
    #[error("{}", read_only(path))]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a database of provisor; it was left alone: name another file", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer program.
    #[error("{} was written by a newer provisor (schema {found}, this program knows {known}): use that one", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The file is older and must not be migrated now.
    #[error("{} has schema {found}, this program needs {known}: run `provisor migrate` first", .path.display())]
    NeedsMigration {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// Its installation was copied to another database.
    #[error(
        "the installation in {} has moved to {to}: use that one (an order of this file would be carried out twice)", .path.display()
    )]
    Moved {
        /// The file.
        path: PathBuf,
        /// Where to.
        to: String,
    },
    /// Another process has it.
    #[error("{} is locked by another process: wait for it to end, or end it", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Another server serves it.
    #[error("{pid} serves {} already: stop it first, or name another database", .path.display())]
    Served {
        /// The file.
        path: PathBuf,
        /// Who.
        pid: Pid,
    },
    /// The file is damaged, or SQLite failed in a way that it must not.
    #[error("{} cannot be used: {reason}", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
}

/// What is to be done about a file that this user cannot write to.
pub(super) fn read_only(path: &Path) -> String {
    format!(
        "{} cannot be written to by this user: run this as the user that it belongs to, or give it and the files beside it \
         to this user, who must be able to write to their folder, too",
        path.display()
    )
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
}

/// Turns a failure of SQLite while opening `path` into what an operator can act on.
fn explain(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly { path },
        // Looked at, not opened: to close a file again takes the locks from this process' other connections to it.
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) if path.is_file() => {
            OpenError::ReadOnly { path }
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::Cannot { path, reason }
        }
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        _ => OpenError::Broken { path, reason },
    }
}

/// Opens the writing connection of the file, which is created when absent and migrated when `migrate` says so.
/// Answers the connection, and from and to which schema it went.
pub(super) fn open_writer(
    path: &Path,
    migrate: bool,
) -> Result<(Connection, usize, usize), OpenError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(OpenError::SqliteTooOld { found: rusqlite::version() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let explained = |error: rusqlite::Error| explain(path, &error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(explained)?;
    connection.busy_handler(Some(patience())).map_err(explained)?;
    // Before anything is changed: is it ours at all?
    let found = schema_of(&connection, path)?;
    let (from, known) = (found.unwrap_or(0), MIGRATIONS.len());
    if from < known && found.is_some() && !migrate {
        return Err(OpenError::NeedsMigration { path: path.to_owned(), found: from, known });
    }
    configure(&connection, Role::Writer).map_err(explained)?;
    bring_up(&mut connection, path)?;
    let moved = connection
        .query_row("SELECT value FROM setting WHERE key = ?1", [MOVED_TO], |row| row.get(0))
        .optional()
        .map_err(explained)?;
    match moved {
        Some(to) => Err(OpenError::Moved { path: path.to_owned(), to }),
        None => Ok((connection, from, known)),
    }
}

/// Opens a connection to a file that is there and as new as we are, whoever uses it.
pub(crate) fn open_as_it_is(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        let reason = "there is no such file".to_owned();
        return Err(OpenError::Cannot { path: path.to_owned(), reason });
    }
    open_writer(path, false).map(|(connection, _, _)| connection)
}

/// Opens a reading connection of a file that a writing one has opened before.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_handler(Some(patience()))?;
        configure(&connection, Role::Reader)?;
        Ok(connection)
    };
    open().map_err(|error| explain(path, &error))
}

/// How many migrations the file has; `None` when it is empty.
fn schema_of(connection: &Connection, path: &Path) -> Result<Option<usize>, OpenError> {
    let read = || -> rusqlite::Result<(i32, usize, i64)> {
        let application = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let tables =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, tables))
    };
    let (application, version, tables) = read().map_err(|error| explain(path, &error))?;
    let path = || path.to_owned();
    match (application, version) {
        (0, 0) if tables == 0 => Ok(None),
        (APPLICATION_ID, found) if found > MIGRATIONS.len() => {
            Err(OpenError::Newer { path: path(), found, known: MIGRATIONS.len() })
        }
        (APPLICATION_ID, found) => Ok(Some(found)),
        _ => Err(OpenError::Foreign { path: path() }),
    }
}

/// Applies the migrations that the file does not have, each in a transaction of its own.
fn bring_up(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let explained = |error: rusqlite::Error| explain(path, &error);
    while schema_of(connection, path)?.unwrap_or(0) < MIGRATIONS.len() {
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(explained)?;
        // Read again now that nobody else can write: another process may have been faster.
        let have = schema_of(&transaction, path)?.unwrap_or(0);
        let Some(migration) = MIGRATIONS.get(have) else { break };
        transaction.execute_batch(migration).map_err(explained)?;
        transaction
            .execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
                have + 1
            ))
            .map_err(explained)?;
        transaction.commit().map_err(explained)?;
        tracing::info!(schema = have + 1, "database migrated");
    }
    Ok(())
}

fn configure(connection: &Connection, role: Role) -> rusqlite::Result<()> {
    // Without it the bundled SQLite plans a statement anew at every execution.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let cache_kib = match role {
        Role::Writer => WRITER_CACHE_KIB,
        Role::Reader => READER_CACHE_KIB,
    };
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if role == Role::Writer {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", WAL_CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    }
    Ok(())
}
