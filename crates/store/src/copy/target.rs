//! The PostgreSQL database that is filled: which tables it has, their rows in one transaction, and reading them back.

use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::CopyError;
use super::source::Source;
use super::value::{Sum, Value};
use crate::postgres;

/// Has rows before anything is copied: those that come with the schema.
const FILLED_BY_SCHEMA: &str = "setting";

/// How a transaction is set that copies: nothing of it is short. It has `setting` to itself, so that of two that copy at once
/// one finds the other one's rows, and no node begins to work.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
    LOCK TABLE setting IN ACCESS EXCLUSIVE MODE";
/// From here on nothing is waited for but the commit. Where that does not arrive, the server ends the transaction, so that
/// whoever looks is told.
const LAST: &str = "SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// How long after a look in vain the next one is.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// What a database has before anything is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// The installation that is to be copied.
    Installation,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) of: Type,
}

/// A table to be filled.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

impl Table {
    pub(super) fn broken(&self, why: &dyn Display) -> CopyError {
        CopyError::Row { table: self.name.clone(), reason: why.to_string() }
    }

    fn column_list(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        columns.join(", ")
    }
}

/// The database. What was not committed goes with its connection.
pub(super) struct Target {
    url: String,
    client: Client,
}

impl Target {
    /// Opens the database and gives it its schema.
    pub(super) async fn open(url: &str) -> Result<Self, CopyError> {
        Ok(Self { url: url.to_owned(), client: postgres::bare(url).await? })
    }

    /// The tables, each behind those that it refers to.
    pub(super) async fn tables(&self) -> Result<Vec<Table>, CopyError> {
        let mut waiting: Vec<(String, Vec<String>)> = Vec::new();
        for row in self.client.query(postgres::COPY_TABLES, &[]).await? {
            waiting.push((row.try_get(0)?, row.try_get(1)?));
        }
        // First what tells soonest that a database was used since: nodes count there.
        waiting.sort_by_key(|(name, _)| name != FILLED_BY_SCHEMA);
        let mut tables: Vec<Table> = Vec::new();
        while !waiting.is_empty() {
            let there = |name: &String| tables.iter().any(|table| table.name == *name);
            let ready = waiting.iter().position(|(_, needs)| needs.iter().all(there));
            let Some(ready) = ready else {
                return Err(CopyError::Broken(
                    "the tables refer to each other in a circle".to_owned(),
                ));
            };
            let (name, _) = waiting.swap_remove(ready);
            let columns = self.client.prepare(&format!("SELECT * FROM \"{name}\"")).await?;
            let column = |column: &tokio_postgres::Column| Column {
                name: column.name().to_owned(),
                of: column.type_().clone(),
            };
            tables.push(Table { columns: columns.columns().iter().map(column).collect(), name });
        }
        Ok(tables)
    }

    /// Begins to fill it when it is empty, or to compare it when it has the installation.
    pub(super) async fn begin(&self, installation: &[u8]) -> Result<Found, CopyError> {
        self.client.batch_execute(BEGIN).await?;
        if self.has(installation).await? {
            return Ok(Found::Installation);
        }
        for table in self.tables().await? {
            let any = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
            if table.name != FILLED_BY_SCHEMA && !self.client.query(&any, &[]).await?.is_empty() {
                return Err(CopyError::NotEmpty(table.name));
            }
        }
        self.client.batch_execute(&format!("DELETE FROM {FILLED_BY_SCHEMA}")).await?;
        Ok(Found::Nothing)
    }

    /// Whether it has this installation. Each has a key of its own, and that of an empty database is replaced.
    async fn has(&self, installation: &[u8]) -> Result<bool, CopyError> {
        let key = self.client.query_one(postgres::INSTALLATION_KEY, &[]).await?;
        Ok(key.try_get::<_, Vec<u8>>(0)? == installation)
    }

    /// Writes what `source` has for a table.
    pub(super) async fn fill(
        &self,
        table: &Table,
        source: &mut Source,
        at: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Sum, CopyError> {
        let copy = format!("COPY \"{}\" ({}) FROM STDIN BINARY", table.name, table.column_list());
        let types: Vec<Type> = table.columns.iter().map(|column| column.of.clone()).collect();
        let sink = self.client.copy_in(&copy).await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        let mut sum = Sum::default();
        loop {
            let batch = source.next().await?;
            if batch.is_empty() {
                break;
            }
            for row in &batch {
                sum.add(row);
                let values: Vec<&(dyn ToSql + Sync)> = row.iter().map(|value| value as _).collect();
                writer.as_mut().write(&values).await?;
            }
            at(sum.rows);
        }
        writer.finish().await.map_err(|error| table.broken(&postgres::words(&error)))?;
        Ok(sum)
    }

    /// What a table has now.
    pub(super) async fn read_back(
        &self,
        table: &Table,
        at: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Sum, CopyError> {
        let ask = format!("SELECT {} FROM \"{}\"", table.column_list(), table.name);
        let nothing: [&(dyn ToSql + Sync); 0] = [];
        let mut rows = pin!(self.client.query_raw(&ask, nothing).await?);
        let mut sum = Sum::default();
        while let Some(row) = rows.try_next().await? {
            let values = (0..row.len()).map(|at| Value::found(&row, at));
            sum.add(&values.collect::<Result<Vec<_>, _>>()?);
            if sum.rows % 1_000 == 0 {
                at(sum.rows);
            }
        }
        Ok(sum)
    }

    /// Sets what counts upward behind what is there, and commits. Whether a commit happened that got no answer is looked up
    /// on a new connection, for as long as `look_max`.
    pub(super) async fn commit(
        &mut self,
        installation: &[u8],
        look_max: Duration,
    ) -> Result<(), CopyError> {
        for row in self.client.query(postgres::COPY_IDENTITIES, &[]).await? {
            let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let set = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM \"{table}\" \
                 HAVING max({column}) IS NOT NULL"
            );
            self.client.batch_execute(&set).await?;
        }
        self.client.batch_execute(postgres::COPY_NUMBERS).await?;
        self.client.batch_execute(LAST).await?;
        let Err(error) = self.client.batch_execute("COMMIT").await else { return Ok(()) };
        let end = Instant::now() + look_max;
        while Instant::now() < end {
            match timeout_at(end, self.look(installation)).await {
                Ok(Ok(true)) => return Ok(()),
                Ok(Ok(false)) => return Err(error.into()),
                Ok(Err(_)) | Err(_) => tokio::time::sleep(LOOK_PAUSE).await,
            }
        }
        Err(CopyError::Undecided(postgres::words(&error)))
    }

    /// Whether it has this installation, as a new connection sees it. That waits for the end of the transaction before, which
    /// has `setting` to itself.
    async fn look(&mut self, installation: &[u8]) -> Result<bool, CopyError> {
        self.client = postgres::bare(&self.url).await?;
        self.client.batch_execute("BEGIN").await?;
        let has = self.has(installation).await?;
        if has {
            self.confirm().await?;
        }
        Ok(has)
    }

    /// Ends a transaction that found the installation. It may have been committed by somebody who was not told: from here on it
    /// is as durable as if it were written now.
    pub(super) async fn confirm(&self) -> Result<(), CopyError> {
        let confirmed = async {
            self.client.query(postgres::CONFIRM, &[]).await?;
            self.client.batch_execute("COMMIT").await
        };
        let unsure = |error| CopyError::Undecided(postgres::words(&error));
        confirmed.await.map_err(unsure)
    }

    /// Brings the server's statistics up to date, which only matters for an operator's own questions.
    pub(super) async fn analyze(&self) {
        let analyzed = async {
            self.client.batch_execute("SET statement_timeout = 0").await?;
            self.client.batch_execute("ANALYZE").await
        };
        if let Err(error) = analyzed.await {
            let error = postgres::words(&error);
            tracing::warn!(
                error,
                "everything was copied; only ANALYZE did not run: autovacuum does it later"
            );
        }
    }
}
