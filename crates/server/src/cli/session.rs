//! What all commands share: the configuration, the store, the operator's name, the time.

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::Origin;
use provisor_store::sqlite::{Options, SqliteStore};

use crate::config::Config;

/// Threads that read on behalf of a command.
const READERS: usize = 1;

/// One run of a command.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) config: Config,
}

impl Session {
    pub(crate) fn new(config: Config) -> Self {
        Self { config }
    }

    /// The store of an installation that is there. A command never makes one by a misspelled name.
    pub(crate) fn store(&self) -> Result<SqliteStore> {
        let database = &self.config.settings.database;
        if !database.path().exists() {
            bail!(
                "there is no database {}: name another one with --database, or make one with \
                 `provisor catalogue apply FILE` or `provisor migrate`",
                database.path().display()
            );
        }
        self.store_or_new()
    }

    /// The store, made when there is none.
    pub(crate) fn store_or_new(&self) -> Result<SqliteStore> {
        let options = Options {
            group_max: self.config.settings.store.group_commit_max,
            readers: READERS,
            migrate: false,
        };
        Ok(SqliteStore::open(self.config.settings.database.path(), options)?)
    }

    /// The present moment.
    pub(crate) fn now() -> Timestamp {
        SystemClock.now()
    }

    /// Who runs the command, for the audit trail.
    pub(crate) fn origin() -> Origin {
        let name = ["SUDO_USER", "USER", "LOGNAME"]
            .into_iter()
            .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()));
        let name = name.unwrap_or_else(|| "unknown".to_owned());
        Origin { actor: format!("operator:{name}"), request_id: None }
    }
}

/// Parses what an operator typed; the error names what it was to be.
pub(crate) fn parsed<T>(what: &str, raw: &str) -> Result<T>
where
    T: std::str::FromStr<Err = provisor_domain::Malformed>,
{
    raw.parse().with_context(|| format!("{what} {raw:?}"))
}
