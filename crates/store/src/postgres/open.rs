//! Opening a database: is it ours, is it as new as we are, and can its server be trusted with what we acknowledge.

use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use super::Options;
use super::fault::words;
use super::link::Link;

/// The oldest server that is supported, as `server_version_num` tells it.
const SERVER_VERSION_MIN: i32 = 150_000;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long without an answer to what was sent, a connection counts as lost.
const SILENCE: Duration = Duration::from_secs(15);
/// Whoever migrates holds this advisory lock ("prov" in ASCII).
const MIGRATION_LOCK: i64 = 0x7072_6f76;

/// What each connection is set to. No transaction of ours waits for a person, no statement is worth compiling.
///
/// Every statement of ours finds its rows by indexes, however few or many there are, and is planned once: its plan must
/// not depend on statistics, which say that a queue is empty when it was empty the last time anybody looked.
const SETTINGS: &str = "SET search_path = provisor; SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '30s'; SET client_min_messages = warning; SET jit = off; \
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET default_transaction_isolation = 'read committed'";

/// The migrations, oldest first. The table `provisor.migration` says which of them a database has.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/postgres/0001_first.sql")];

/// Why a database cannot be used. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error(
        "this is no address of a PostgreSQL database: {0}; write postgres://user:password@host:port/database"
    )]
    Address(String),
    /// The address asks for an encrypted connection.
    #[error("sslmode={0} is not supported yet: use sslmode=disable on a network that you trust")]
    Tls(&'static str),
    /// The server does not answer, or does not let us in.
    #[error(
        "the database cannot be reached: {0}; check that the server runs and the address, user and password"
    )]
    Cannot(String),
    /// The server is too old.
    #[error("the server is PostgreSQL {0}: 15 is the oldest one that is supported")]
    ServerTooOld(String),
    /// The server is a standby.
    #[error("the server is a standby, which cannot be written to: name the primary")]
    Standby,
    /// The server's settings can lose what was acknowledged.
    #[error("{0} is off: after a crash, orders that were acknowledged can be gone; set it on")]
    LosesData(String),
    /// There is a schema `provisor` that is not ours.
    #[error(
        "the database has a schema `provisor` that is not ours; it was left alone: name another database"
    )]
    Foreign,
    /// The database was written by a newer program.
    #[error(
        "the database was written by a newer provisor (schema {found}, this program knows {known}): use that one"
    )]
    Newer {
        /// Its schema.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The database is older and must not be migrated now.
    #[error(
        "the database has schema {found}, this program needs {known}: run `provisor migrate` first"
    )]
    NeedsMigration {
        /// Its schema.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The database failed in a way that it must not.
    #[error("the database cannot be used: {0}")]
    Broken(String),
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Broken(words(&error))
    }
}

/// Reads an address. The password in it is in no error.
pub(super) fn config(url: &str) -> Result<Config, OpenError> {
    for mode in ["verify-full", "verify-ca"] {
        if url.contains(&format!("sslmode={mode}")) {
            return Err(OpenError::Tls(mode));
        }
    }
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        OpenError::Address(source.unwrap_or_else(|| "it cannot be read".to_owned()))
    })?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(OpenError::Tls("require"));
    }
    config.application_name("provisor");
    config.connect_timeout(CONNECT_TIMEOUT);
    config.tcp_user_timeout(SILENCE);
    config.keepalives_idle(SILENCE);
    Ok(config)
}

/// Connects, and checks what may have changed since another connection was made: the server may be another one.
pub(super) async fn connect(config: &Config, accept_loss: bool) -> Result<Link, OpenError> {
    let client = log_in(config).await?;
    client.batch_execute(SETTINGS).await?;
    check_server(&client, accept_loss).await?;
    Ok(Link::new(client))
}

async fn log_in(config: &Config) -> Result<Client, OpenError> {
    let connected = config.connect(NoTls).await;
    let (client, connection) = connected.map_err(|error| OpenError::Cannot(words(&error)))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = words(&error), "a connection to the database ended");
        }
    });
    Ok(client)
}

async fn check_server(client: &Client, accept_loss: bool) -> Result<(), OpenError> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int, \
             pg_is_in_recovery(), current_setting('fsync'), current_setting('full_page_writes'), \
             current_setting('synchronous_commit')",
            &[],
        )
        .await?;
    if row.try_get::<_, i32>(1)? < SERVER_VERSION_MIN {
        return Err(OpenError::ServerTooOld(row.try_get(0)?));
    }
    if row.try_get(2)? {
        return Err(OpenError::Standby);
    }
    let mut off = Vec::new();
    for (at, setting) in [(3, "fsync"), (4, "full_page_writes"), (5, "synchronous_commit")] {
        if row.try_get::<_, &str>(at)? == "off" {
            off.push(setting);
        }
    }
    if off.is_empty() || accept_loss {
        return Ok(());
    }
    Err(OpenError::LosesData(off.join(", ")))
}

/// Applies the migrations that the database does not have, each in a transaction of its own. Answers from and to which
/// schema it went. Programs that start at once take turns.
pub(super) async fn bring_up(
    config: &Config,
    options: Options,
) -> Result<(usize, usize), OpenError> {
    let mut client = log_in(config).await?;
    client.batch_execute(SETTINGS).await?;
    check_server(&client, options.accept_loss).await?;
    let known = MIGRATIONS.len();
    let found = schema_of(&client).await?;
    let from = found.unwrap_or(0);
    if from < known && found.is_some() && !options.migrate {
        return Err(OpenError::NeedsMigration { found: from, known });
    }
    while schema_of(&client).await?.unwrap_or(0) < known {
        let transaction = client.transaction().await?;
        transaction.query("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
        // Read again now that nobody else migrates: another program may have been faster.
        let have = schema_of(transaction.client()).await?.unwrap_or(0);
        let Some(migration) = MIGRATIONS.get(have) else { break };
        transaction.batch_execute(migration).await?;
        let number = super::row::number(have + 1);
        transaction
            .execute("INSERT INTO provisor.migration (number) VALUES ($1)", &[&number])
            .await?;
        transaction.commit().await?;
        tracing::info!(schema = number, "database migrated");
    }
    Ok((from, known))
}

/// How many migrations the database has; `None` when it has nothing of ours.
async fn schema_of(client: &Client) -> Result<Option<usize>, OpenError> {
    // The tables themselves: what the server has cached of names may be older than the lock that was waited for.
    let row = client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'provisor'), EXISTS (SELECT FROM pg_class \
             JOIN pg_namespace ON pg_namespace.oid = relnamespace \
             WHERE nspname = 'provisor' AND relname = 'migration')",
            &[],
        )
        .await?;
    match (row.try_get(0)?, row.try_get(1)?) {
        (false, _) => Ok(None),
        (true, false) => Err(OpenError::Foreign),
        (true, true) => {
            let row = client.query_one("SELECT count(*) FROM provisor.migration", &[]).await?;
            let found = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(usize::MAX);
            let known = MIGRATIONS.len();
            if found > known { Err(OpenError::Newer { found, known }) } else { Ok(Some(found)) }
        }
    }
}
