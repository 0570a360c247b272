//! What all commands share: the configuration, the store, the operator's name, the time.

use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;
use provisor_domain::TicketId;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{Origin, Store};

use crate::config::Config;
use crate::database::{Database, Schema, Use};

/// Threads or connections that read on behalf of a command, and connections that write.
const LINES: usize = 1;

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
    pub(crate) async fn store(&self) -> Result<Arc<dyn Store>> {
        self.open(Schema::Need).await
    }

    /// The store, made when there is none.
    pub(crate) async fn store_or_new(&self) -> Result<Arc<dyn Store>> {
        self.open(Schema::Make).await
    }

    async fn open(&self, schema: Schema) -> Result<Arc<dyn Store>> {
        let opened = Database::open(&self.config.settings.database, self.how(schema)).await?;
        Ok(opened.store)
    }

    /// How a command uses the database.
    pub(crate) fn how(&self, schema: Schema) -> Use {
        let settings = &self.config.settings.store;
        Use {
            schema,
            readers: LINES,
            writers: LINES,
            group_max: settings.group_commit_max,
            accept_loss: settings.accept_loss,
        }
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

/// A command line that cannot be carried out as it is typed. Ends the program like one that cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(String);

/// Says what is wrong with the command line.
pub(crate) fn usage(what: String) -> anyhow::Error {
    Usage(what).into()
}

/// Parses what an operator typed; the error names what it was to be.
pub(crate) fn parsed<T>(what: &str, raw: &str) -> Result<T>
where
    T: std::str::FromStr<Err = provisor_domain::Malformed>,
{
    raw.parse().map_err(|error| usage(format!("{what} {raw:?}: {error}")))
}

/// Parses numbers of tickets or support cases.
pub(crate) fn numbers(what: &str, raw: &[String]) -> Result<Vec<TicketId>> {
    raw.iter().map(|raw| parsed(what, raw)).collect()
}
