//! Opening a database: is it ours, is it as new as we are, and can its server be trusted with what we acknowledge.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Address, Server};
use super::fault::words;
use super::link::Link;
use super::{Options, pulse};

/// The oldest server that is supported, as `server_version_num` tells it.
const SERVER_VERSION_MIN: i32 = 150_000;
/// Whoever migrates holds this advisory lock ("prov" in ASCII).
const MIGRATION_LOCK: i64 = 0x7072_6f76;

/// What each connection is set to. No transaction of ours waits for a person, no statement is worth compiling. One that its
/// node has left alone for so long that the node must be frozen ends, before those who wait for its locks are refused.
///
/// Every statement of ours finds its rows by indexes, however few or many there are, and is planned once: its plan must
/// not depend on statistics, which say that a queue is empty when it was empty the last time anybody looked.
pub(super) const SETTINGS: &str = "SET search_path = provisor; SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '5s'; SET client_min_messages = warning; SET jit = off; \
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET enable_indexonlyscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET default_transaction_isolation = 'read committed'";

/// How long a server may take to let us in, and to say what kind of a server it is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a migration waits for a table that is in use, and everybody else behind it; then it makes way and tries again.
const MIGRATION_WAIT: &str = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = 0";
/// How often it tries.
const MIGRATION_TRIES_MAX: u32 = 30;
/// How long it makes way.
const MIGRATION_PAUSE: Duration = Duration::from_secs(1);

/// A step of the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    /// What it does.
    pub(super) sql: &'static str,
    /// The oldest schema whose programs go on working when it has been applied: a step that only adds leaves it, one that
    /// removes what they use moves it on. So nodes of two neighbouring versions work side by side.
    pub(super) oldest: usize,
}

/// The migrations, oldest first. The table `provisor.migration` says which of them a database has.
pub(super) const MIGRATIONS: &[Migration] =
    &[Migration { sql: include_str!("../../migrations/postgres/0001_first.sql"), oldest: 1 }];

/// Why a database cannot be used. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error(
        "this is no address of a PostgreSQL database: {0}; write postgres://user:password@host:port/database"
    )]
    Address(String),
    /// Certificates or keys for an encrypted connection cannot be used.
    #[error("the connection to the database cannot be encrypted: {0}")]
    Tls(String),
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
    /// Commits do not wait for the synchronous standby that there is.
    #[error(
        "synchronous_commit is `local` although synchronous_standby_names names standbys: after a failover, orders that were \
         acknowledged can be gone; set synchronous_commit on, or name no standby"
    )]
    LosesOnFailover,
    /// There is a schema `provisor` that is not ours.
    #[error(
        "the database has a schema `provisor` that is not ours; it was left alone: name another database"
    )]
    Foreign,
    /// The database holds nothing of ours, and must not get it now.
    #[error(
        "the database holds nothing of provisor: name another one with --database, or make it with \
         `provisor catalogue apply FILE` or `provisor migrate`"
    )]
    Empty,
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
    /// A table that a migration changes is in use all the time.
    #[error(
        "the migration found its tables in use for a minute and changed nothing: stop what holds them (a report, a \
         backup that locks), and try again"
    )]
    InUse,
    /// The database failed in a way that it must not.
    #[error("the database cannot be used: {0}")]
    Broken(String),
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Broken(words(&error))
    }
}

/// A connection that nobody drives yet.
type Dialled = (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// Connects to the first server of the address that lets us in, those last that said nothing a moment ago; also answers which
/// one it is.
pub(super) async fn dial(address: &Address) -> Result<(Dialled, usize), OpenError> {
    let mut refused = Vec::new();
    let servers = address.servers.iter().enumerate();
    let (last, first): (Vec<_>, Vec<_>) = servers.partition(|(_, server)| server.is_shunned());
    for (at, server) in first.into_iter().chain(last) {
        match dial_one(server, address).await {
            Ok(dialled) => return Ok((dialled, at)),
            Err(refusal) => refused.push(refusal.to_string()),
        }
    }
    Err(OpenError::Cannot(refused.join("; then: ")))
}

/// Why one server did not let us in.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Silence,
    #[error("{}", words(.0))]
    Sql(tokio_postgres::Error),
}

/// Connects, in the first of the server's ways that it takes, and notes whether it says anything.
async fn dial_one(server: &Server, address: &Address) -> Result<Dialled, Refusal> {
    let dialled = dial_ways(server, address).await;
    server.note(!matches!(dialled, Err(Refusal::Silence)));
    dialled
}

/// As libpq does, whatever the first way came to: perhaps the server wants encryption, or cannot do it as we can. What is told
/// is what the first one came to.
async fn dial_ways(server: &Server, address: &Address) -> Result<Dialled, Refusal> {
    let mut first = None;
    for way in &server.ways {
        match timeout(ANSWER_TIMEOUT, way.connect(address.tls.clone())).await {
            Ok(Ok(dialled)) => return Ok(dialled),
            Ok(Err(error)) => _ = first.get_or_insert(error),
            Err(_) => return Err(Refusal::Silence),
        }
    }
    Err(first.map_or(Refusal::Silence, Refusal::Sql))
}

/// Whether the server at this place of the address says anything at all, be it that it does not want us.
pub(super) async fn answers(address: &Address, at: usize) -> bool {
    let Some(server) = address.servers.get(at) else { return false };
    match dial_one(&server.of_any_kind(), address).await {
        Ok(_) => true,
        Err(Refusal::Silence) => false,
        Err(Refusal::Sql(error)) => error.as_db_error().is_some(),
    }
}

/// Connects, and checks what may have changed since another connection was made: the server may be another one, and a newer
/// program may have migrated. To be called on the runtime that the connection will live on.
pub(super) async fn connect(address: &Address, accept_loss: bool) -> Result<Arc<Link>, OpenError> {
    let (client, driver, server) = log_in(address).await?;
    let set = async {
        client.batch_execute(SETTINGS).await?;
        check_server(&client, accept_loss).await?;
        check_schema(&client).await
    };
    if let Err(error) = in_time(set).await {
        driver.abort();
        return Err(error);
    }
    let link = Arc::new(Link::new(client, driver));
    tokio::spawn(pulse::watch(Arc::downgrade(&link), address.clone(), server));
    Ok(link)
}

/// What a server that answers soon says.
pub(super) async fn in_time<T>(
    asked: impl Future<Output = Result<T, OpenError>>,
) -> Result<T, OpenError> {
    let silent = |_| OpenError::Cannot(Refusal::Silence.to_string());
    timeout(ANSWER_TIMEOUT, asked).await.map_err(silent).flatten()
}

/// Whether this program can still work with the database: a newer one may have migrated it.
pub(super) async fn check_schema(client: &Client) -> Result<(), OpenError> {
    schema_of(client, MIGRATIONS.len()).await.map(drop)
}

/// Connects.
pub(super) async fn bare(address: &Address) -> Result<Client, OpenError> {
    let (client, ..) = log_in(address).await?;
    client.batch_execute(SETTINGS).await?;
    Ok(client)
}

/// Connects; also answers what drives the connection, and at which place of the address its server is.
async fn log_in(address: &Address) -> Result<(Client, AbortHandle, usize), OpenError> {
    let ((client, connection), server) = dial(address).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = words(&error), "a connection to the database ended");
        }
    });
    Ok((client, driver.abort_handle(), server))
}

async fn check_server(client: &Client, accept_loss: bool) -> Result<(), OpenError> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int, \
             pg_is_in_recovery(), current_setting('fsync'), current_setting('full_page_writes'), \
             current_setting('synchronous_commit'), current_setting('synchronous_standby_names')",
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
    if accept_loss {
        return Ok(());
    }
    if !off.is_empty() {
        return Err(OpenError::LosesData(off.join(", ")));
    }
    if row.try_get::<_, &str>(5)? == "local" && !row.try_get::<_, &str>(6)?.is_empty() {
        return Err(OpenError::LosesOnFailover);
    }
    Ok(())
}

/// Applies the migrations that the database does not have, each in a transaction of its own. Answers from and to which
/// schema it went. Programs that start at once take turns.
pub(super) async fn bring_up(
    address: &Address,
    options: Options,
) -> Result<(usize, usize), OpenError> {
    let (mut client, ..) = log_in(address).await?;
    client.batch_execute(SETTINGS).await?;
    check_server(&client, options.accept_loss).await?;
    let known = MIGRATIONS.len();
    let found = schema_of(&client, known).await?;
    match found {
        None if !options.make => return Err(OpenError::Empty),
        Some(found) if found < known && !options.migrate => {
            return Err(OpenError::NeedsMigration { found, known });
        }
        _ => {}
    }
    apply(&mut client, MIGRATIONS).await?;
    Ok((found.unwrap_or(0), known.max(found.unwrap_or(0))))
}

/// Applies those of `migrations` that the database does not have. Nodes may go on working meanwhile: a step that would keep
/// them waiting for long makes way and tries again.
pub(super) async fn apply(client: &mut Client, migrations: &[Migration]) -> Result<(), OpenError> {
    let known = migrations.len();
    let mut tries = 0;
    while schema_of(client, known).await?.unwrap_or(0) < known {
        match step(client, migrations).await {
            Ok(()) => tries = 0,
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                tries += 1;
                if tries == MIGRATION_TRIES_MAX {
                    return Err(OpenError::InUse);
                }
                tracing::info!(tries, "the migration waits for a table that is in use");
                tokio::time::sleep(MIGRATION_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Applies the next step, unless somebody else was faster.
async fn step(client: &mut Client, migrations: &[Migration]) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    transaction.query("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
    // Read again now that nobody else migrates.
    let have = applied(transaction.client()).await?;
    let Some(migration) = migrations.get(have) else { return Ok(()) };
    transaction.batch_execute(MIGRATION_WAIT).await?;
    transaction.batch_execute(migration.sql).await?;
    let (number, oldest) = (super::row::number(have + 1), super::row::number(migration.oldest));
    let done = "INSERT INTO provisor.migration (number, oldest) VALUES ($1, $2)";
    transaction.execute(done, &[&number, &oldest]).await?;
    transaction.commit().await?;
    tracing::info!(schema = number, "database migrated");
    Ok(())
}

/// How many migrations the database has, whatever they are.
async fn applied(client: &Client) -> Result<usize, tokio_postgres::Error> {
    // The tables themselves: what the server has cached of names may be older than the lock that was waited for.
    let row = client.query_one(HAS_MIGRATIONS, &[]).await?;
    if !row.try_get::<_, bool>(1)? {
        return Ok(0);
    }
    let row = client.query_one("SELECT count(*) FROM provisor.migration", &[]).await?;
    Ok(usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(usize::MAX))
}

/// How many migrations the database has; `None` when it has nothing of ours. One that a program which knows `known` of them
/// cannot work with is an error.
async fn schema_of(client: &Client, known: usize) -> Result<Option<usize>, OpenError> {
    let row = client.query_one(HAS_MIGRATIONS, &[]).await?;
    match (row.try_get(0)?, row.try_get(1)?) {
        (false, _) => return Ok(None),
        (true, false) => return Err(OpenError::Foreign),
        (true, true) => {}
    }
    let found = applied(client).await?;
    if found > known {
        let oldest = "SELECT coalesce(max(oldest), 0) FROM provisor.migration";
        let oldest: i64 = client.query_one(oldest, &[]).await?.try_get(0)?;
        if oldest > super::row::number(known) {
            return Err(OpenError::Newer { found, known });
        }
    }
    Ok(Some(found))
}

/// Whether there is a schema of our name, and whether it says which migrations it has.
const HAS_MIGRATIONS: &str = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'provisor'), \
    EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
    WHERE nspname = 'provisor' AND relname = 'migration')";
