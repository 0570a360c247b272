//! The SQLite file that is copied: held against writers, read table by table on a thread of its own.

use std::path::Path;
use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::{mpsc as channel, oneshot};

use super::CopyError;
use super::target::Table;
use super::value::Value;
use crate::sqlite;

/// Rows that travel together, and how many such batches wait at most.
const ROWS_PER_BATCH: usize = 1_000;
const BATCHES_WAITING: usize = 4;

/// What a file is marked with once its installation has moved: where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved(pub String);

/// Tables that the file has otherwise than the target: what to read in their place.
const OTHERWISE: [(&str, &str); 5] = [
    // The kinds of values are columns of their own. What is a text is about the file itself.
    (
        "setting",
        "(SELECT key, CASE WHEN typeof(value) = 'integer' THEN value END AS number, \
         CASE WHEN typeof(value) = 'blob' THEN value END AS secret FROM setting WHERE typeof(value) <> 'text')",
    ),
    // A ticket is one row in the file. The call that wrote it is over.
    ("ticket_record", "(SELECT *, 0 AS batch FROM ticket)"),
    ("ticket_queue", "(SELECT * FROM ticket WHERE finished_at IS NULL)"),
    ("ticket_end", "(SELECT * FROM ticket WHERE finished_at IS NOT NULL)"),
    // One writer counts by looking.
    (
        "portal_counter",
        "(SELECT tenant, relation, max(sequence) AS last FROM portal_request GROUP BY tenant, relation)",
    ),
];

/// What a table is read from.
pub(super) fn from(table: &str) -> String {
    let otherwise = OTHERWISE.iter().find(|(name, _)| *name == table);
    otherwise.map_or_else(|| format!("\"{table}\""), |(_, from)| (*from).to_owned())
}

type Batch = Result<Vec<Vec<Value>>, CopyError>;

/// The file, from its opening to its end. Nobody else can write to it meanwhile.
pub(super) struct Source {
    /// What tells the installation from all others.
    pub(super) installation: Vec<u8>,
    /// Rows in all of the tables.
    pub(super) rows: u64,
    /// Batches of one table after the other; an empty one ends a table.
    batches: channel::Receiver<Batch>,
    finish: mpsc::Sender<(Option<Moved>, oneshot::Sender<rusqlite::Result<()>>)>,
}

impl Source {
    pub(super) fn open(file: &Path, tables: &[Table]) -> Result<Self, CopyError> {
        let connection = sqlite::open_as_it_is(file)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let installation = connection.query_row(sqlite::INSTALLATION_KEY, [], |row| row.get(0))?;
        let mut rows = 0;
        for table in tables {
            let count = format!("SELECT count(*) FROM {}", from(&table.name));
            let count: rusqlite::Result<u64> = connection.query_row(&count, [], |row| row.get(0));
            rows += count.map_err(|error| table.broken(&error))?;
        }
        let (send, batches) = channel::channel(BATCHES_WAITING);
        let (finish, finished) = mpsc::channel::<(Option<Moved>, oneshot::Sender<_>)>();
        let tables = tables.to_vec();
        let work = move || {
            for table in &tables {
                if let Err(error) = read(&connection, table, &send) {
                    let _gone = send.blocking_send(Err(error));
                    return;
                }
            }
            // Dropped without a word, the connection gives the file back as it was.
            if let Ok((moved, told)) = finished.recv() {
                let _gone = told.send(end(&connection, moved));
            }
        };
        std::thread::Builder::new()
            .name("copy-source".to_owned())
            .spawn(work)
            .map_err(|error| CopyError::Broken(format!("no thread to read the file: {error}")))?;
        Ok(Self { installation, rows, batches, finish })
    }

    /// The next rows of the table at hand; none when it is at its end.
    pub(super) async fn next(&mut self) -> Batch {
        let ended = || Err(CopyError::Broken("the file's reader ended early".to_owned()));
        self.batches.recv().await.unwrap_or_else(ended)
    }

    /// Gives the file back, marked when it was moved.
    pub(super) async fn finish(self, moved: Option<Moved>) -> Result<(), CopyError> {
        let (told, marked) = oneshot::channel();
        let gone = |()| CopyError::Unmarked("its reader ended early".to_owned());
        self.finish.send((moved, told)).map_err(|_| gone(()))?;
        let marked = marked.await.map_err(|_| gone(()))?;
        marked.map_err(|error| CopyError::Unmarked(error.to_string()))
    }
}

fn end(connection: &Connection, moved: Option<Moved>) -> rusqlite::Result<()> {
    if let Some(Moved(to)) = moved {
        connection.execute(
            "INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)",
            (sqlite::MOVED_TO, to),
        )?;
    }
    connection.execute_batch("COMMIT")
}

/// Sends a table's rows, and an empty batch behind them.
fn read(
    connection: &Connection,
    table: &Table,
    send: &channel::Sender<Batch>,
) -> Result<(), CopyError> {
    let columns: Vec<String> =
        table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), from(&table.name));
    let broken = |error: rusqlite::Error| table.broken(&error);
    let mut statement = connection.prepare(&sql).map_err(broken)?;
    let mut rows = statement.query([]).map_err(broken)?;
    let mut batch = Vec::with_capacity(ROWS_PER_BATCH);
    let gone = |_| CopyError::Broken("nobody takes the rows any more".to_owned());
    while let Some(row) = rows.next().map_err(broken)? {
        let mut values = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            let found = row.get_ref(at).map_err(broken)?;
            let value = Value::read(found, &column.of);
            values.push(value.map_err(|why| table.broken(&format!("{}: {why}", column.name)))?);
        }
        batch.push(values);
        if batch.len() == ROWS_PER_BATCH {
            send.blocking_send(Ok(std::mem::take(&mut batch))).map_err(gone)?;
        }
    }
    if !batch.is_empty() {
        send.blocking_send(Ok(batch)).map_err(gone)?;
    }
    send.blocking_send(Ok(Vec::new())).map_err(gone)
}
