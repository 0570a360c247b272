//! Which database: the value of `--database`, and the store behind it.
//!
//! Invariant: the password in an address of PostgreSQL is shown nowhere: not by `Display`, not by `Debug`, not in the list
//! of `provisor config check`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::store::Store;
use provisor_store::postgres::{self, PostgresStore};
use provisor_store::sqlite::{self, SqliteStore};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

/// What stands in the place of a password.
const HIDDEN: &str = "***";

/// A database as an operator names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(PostgresUrl),
}

/// The address of a PostgreSQL database. It may hold a password.
#[derive(Clone)]
pub(crate) struct PostgresUrl(SecretString);

/// A text that does not name a database. Says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DatabaseUrlError {
    /// There is no file in it.
    #[error(
        "there is no file's name behind sqlite://: write sqlite://provisor.db or sqlite:///var/lib/provisor/provisor.db"
    )]
    NoFile,
    /// It is something else.
    #[error(
        "this does not name a database: write sqlite://FILE, for example sqlite://provisor.db, or \
         postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    Other,
}

impl DatabaseUrl {
    /// The file, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            Self::Postgres(_) => None,
        }
    }

    /// True where it is a file that is not there. (Whether a server has the database it says itself.)
    pub(crate) fn is_missing(&self) -> bool {
        self.file().is_some_and(|file| !file.exists())
    }

    /// The folder that the file is in; the one that the program was started in where there is no file.
    pub(crate) fn folder(&self) -> PathBuf {
        match self.file().and_then(Path::parent) {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// The name of a file that belongs to the database and lies outside it.
    pub(crate) fn file_beside(&self, extension: &str) -> PathBuf {
        let mut name = self.file().unwrap_or(Path::new("provisor")).as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        name.into()
    }
}

/// What may happen to the schema when a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// It must be there as it is needed: a command never makes an installation by a misspelled name.
    Need,
    /// An empty database gets it; an older one is not touched.
    Make,
    /// An empty database gets it, an older one is brought up to it.
    Migrate,
}

/// How hard a database is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// See [`Schema`].
    pub(crate) schema: Schema,
    /// Threads or connections that read.
    pub(crate) readers: usize,
    /// Connections that write, where there are several.
    pub(crate) writers: usize,
    /// Most writes that share one commit.
    pub(crate) group_max: usize,
    /// Whether a server is accepted whose settings can lose what was acknowledged.
    pub(crate) accept_loss: bool,
}

/// An open database.
#[derive(Clone)]
pub(crate) struct Database {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    kind: Kind,
}

/// The store once more, as what it is.
#[derive(Debug, Clone)]
enum Kind {
    File(SqliteStore),
    Server(PostgresStore),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database that `url` names.
    pub(crate) async fn open(url: &DatabaseUrl, how: Use) -> Result<Self> {
        Self::open_on(url, how, &[]).await
    }

    /// As [`Database::open`], for callers on `reactors`.
    pub(crate) async fn open_on(url: &DatabaseUrl, how: Use, reactors: &[Handle]) -> Result<Self> {
        match url {
            DatabaseUrl::Sqlite(file) => {
                if how.schema == Schema::Need && url.is_missing() {
                    bail!(
                        "there is no database {}: name another one with --database, or make one with \
                         `provisor catalogue apply FILE` or `provisor migrate`",
                        file.display()
                    );
                }
                let options = sqlite::Options {
                    group_max: how.group_max,
                    readers: how.readers,
                    migrate: how.schema == Schema::Migrate,
                };
                let store = SqliteStore::open(file, options)?;
                Ok(Self { store: Arc::new(store.clone()), kind: Kind::File(store) })
            }
            DatabaseUrl::Postgres(address) => {
                let store =
                    PostgresStore::open_on(address.expose(), options(how), reactors).await?;
                Ok(Self { store: Arc::new(store.clone()), kind: Kind::Server(store) })
            }
        }
    }

    /// Brings the database that `url` names to the schema that this program needs. Answers from and to which it went.
    pub(crate) async fn migrate(url: &DatabaseUrl, how: Use) -> Result<(usize, usize)> {
        Ok(match url {
            DatabaseUrl::Sqlite(file) => SqliteStore::migrate(file)?,
            DatabaseUrl::Postgres(address) => {
                PostgresStore::migrate(address.expose(), options(how)).await?
            }
        })
    }

    /// Why a server must not go on with it, once there is such a reason: the disk under a file has failed (a server of databases
    /// looks after its own), or a newer program has migrated past this one.
    pub(crate) fn lost(&self) -> Option<anyhow::Error> {
        match &self.kind {
            Kind::File(store) => store.has_halted().then(|| {
                anyhow!(
                    "the disk under the database failed, so this server ends: a write that is tried again after that may be \
                     lost without a word. Nothing that was acknowledged depends on it. Check the disk, then start again"
                )
            }),
            Kind::Server(store) => store.outdated().map(|newer| {
                anyhow!(
                    "{newer}. It was migrated while this server ran, which ends: what it was carrying out is taken up by the \
                     newer ones"
                )
            }),
        }
    }
}

/// An empty database that goes when this is dropped, to try things on.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// The database.
    pub(crate) database: Database,
    _dir: tempfile::TempDir,
}

impl Scratch {
    /// Makes one, in the system's folder for temporary files.
    pub(crate) async fn open() -> Result<Self> {
        let dir = tempfile::TempDir::with_prefix("provisor-")
            .context("cannot make a folder for temporary files (TMPDIR names another place)")?;
        let url = DatabaseUrl::Sqlite(dir.path().join("scratch.db"));
        let how =
            Use { schema: Schema::Make, readers: 1, writers: 1, group_max: 1, accept_loss: false };
        Ok(Self { database: Database::open(&url, how).await?, _dir: dir })
    }
}

/// How PostgreSQL is opened.
fn options(how: Use) -> postgres::Options {
    postgres::Options {
        writers: how.writers,
        readers: how.readers,
        group_max: how.group_max.min(TICKETS_PER_BATCH_MAX),
        make: how.schema != Schema::Need,
        migrate: how.schema == Schema::Migrate,
        accept_loss: how.accept_loss,
        ..postgres::Options::default()
    }
}

impl PostgresUrl {
    /// The whole address, for whoever connects.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for PostgresUrl {}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without the password, wherever in the address it stands.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.expose();
        let (address, parameters) =
            url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
        match address.rsplit_once('@') {
            Some((user, host)) => match user.match_indices(':').nth(1) {
                Some((at, _)) => write!(f, "{}:{HIDDEN}@{host}", &user[..at])?,
                None => write!(f, "{user}@{host}")?,
            },
            None => f.write_str(address)?,
        }
        let shown = |parameter: &str| match parameter.split_once('=') {
            Some((name, _)) if name.eq_ignore_ascii_case("password") => format!("{name}={HIDDEN}"),
            _ => parameter.to_owned(),
        };
        match parameters {
            Some(parameters) => {
                let shown: Vec<String> = parameters.split('&').map(shown).collect();
                write!(f, "?{}", shown.join("&"))
            }
            None => Ok(()),
        }
    }
}

impl From<PathBuf> for DatabaseUrl {
    fn from(path: PathBuf) -> Self {
        Self::Sqlite(path)
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;
    fn from_str(raw: &str) -> Result<Self, DatabaseUrlError> {
        let raw = raw.trim();
        if raw.starts_with("postgres://") || raw.starts_with("postgresql://") {
            return Ok(Self::Postgres(PostgresUrl(raw.into())));
        }
        match raw.strip_prefix("sqlite://") {
            Some("") => Err(DatabaseUrlError::NoFile),
            Some(file) if !file.contains('\0') => Ok(Self::Sqlite(file.into())),
            // What it is not told back: it may hold a password.
            _ => Err(DatabaseUrlError::Other),
        }
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = DatabaseUrlError;
    fn try_from(raw: String) -> Result<Self, DatabaseUrlError> {
        raw.parse()
    }
}

impl From<DatabaseUrl> for String {
    fn from(url: DatabaseUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "sqlite://{}", file.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_and_absolute_files_are_named_and_shown_alike() {
        for (raw, file, folder) in [
            ("sqlite://provisor.db", "provisor.db", "."),
            ("sqlite://data/provisor.db", "data/provisor.db", "data"),
            ("sqlite:///var/lib/provisor.db", "/var/lib/provisor.db", "/var/lib"),
        ] {
            let url: DatabaseUrl = raw.parse().unwrap();
            assert_eq!(url.file(), Some(Path::new(file)));
            assert_eq!(url.folder(), Path::new(folder));
            assert_eq!(url.file_beside("key"), PathBuf::from(format!("{file}.key")));
            assert_eq!(url.to_string(), raw);
        }
    }

    #[test]
    fn an_address_of_postgresql_is_shown_without_its_password() {
        for (raw, shown) in [
            ("postgres://db/provisor", "postgres://db/provisor"),
            ("postgres://u@db/provisor", "postgres://u@db/provisor"),
            ("postgres://u:geheim@db:5432/provisor", "postgres://u:***@db:5432/provisor"),
            (
                "postgresql://u:ge:h@im@db/p?sslmode=require",
                "postgresql://u:***@db/p?sslmode=require",
            ),
            ("postgres://db/p?user=u&password=geheim", "postgres://db/p?user=u&password=***"),
            ("postgres://u@db/p?Password=geheim&a=b", "postgres://u@db/p?Password=***&a=b"),
        ] {
            let url: DatabaseUrl = raw.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("geheim"), "{url:?}");
            assert_eq!(serde_json::to_value(&url).unwrap(), shown);
            assert_eq!((url.file(), url.folder()), (None, PathBuf::from(".")));
            assert_eq!(url.file_beside("key"), PathBuf::from("provisor.key"));
        }
    }

    #[test]
    fn sharing_a_commit_is_limited_on_postgresql_as_set_and_to_what_fits() {
        let how = |group_max| Use {
            schema: Schema::Make,
            readers: 1,
            writers: 1,
            group_max,
            accept_loss: false,
        };
        for (set, used) in [(1, 1), (256, 256), (5_000, TICKETS_PER_BATCH_MAX)] {
            assert_eq!(options(how(set)).group_max, used);
        }
    }

    #[test]
    fn what_is_no_database_is_refused_with_what_to_write() {
        let error = |raw: &str| raw.parse::<DatabaseUrl>().unwrap_err();
        assert_eq!(error("sqlite://"), DatabaseUrlError::NoFile);
        let told = error("mysql://u:geheim@db").to_string();
        assert!(told.contains("sqlite://provisor.db") && !told.contains("geheim"), "{told}");
    }
}
