//! The books as an operator's own SQL sees them, on whichever database a test runs: all values as texts.

use std::path::Path;

use rusqlite::types::ValueRef;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::postgres;

/// A row; `None` is NULL.
pub(crate) type Row = Vec<Option<String>>;

/// What every connection to a server is set to. A question finds all tickets under the name `ticket`, as in a file: there it is
/// a view.
const SETTINGS: &str = "SET search_path = provisor; SET client_min_messages = warning";

/// The database of a world, past the program.
#[derive(Debug)]
pub(crate) enum Books {
    File(rusqlite::Connection),
    Server(Client),
}

impl Books {
    pub(crate) fn file(path: &Path) -> Self {
        Self::File(rusqlite::Connection::open(path).expect("the books can be opened"))
    }

    /// One connection to the server, which stays up until this is dropped.
    pub(crate) fn server(url: &str) -> Self {
        let client = postgres::block_on(async {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .expect("the database is there");
            tokio::spawn(connection);
            client.batch_execute(SETTINGS).await.expect("settings");
            client
        });
        Self::Server(client)
    }

    /// The rows of a question. A truth is `1` or `0`, as SQLite has it.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Row> {
        match self {
            Self::File(file) => file_rows(file, sql),
            Self::Server(client) => server_rows(client, sql),
        }
    }

    /// The first column of a question, which must not be NULL.
    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        let first = |row: Row| row.into_iter().next().flatten();
        self.rows(sql).into_iter().map(|row| first(row).expect("a value")).collect()
    }

    /// The table that has a row for every ticket, with what never changes of it.
    pub(crate) fn tickets(&self) -> &'static str {
        match self {
            Self::File(_) => "ticket",
            Self::Server(_) => "ticket_record",
        }
    }

    /// How one of the document's relations is called here.
    pub(crate) fn relation(&self, name: &str) -> String {
        match self {
            Self::File(_) => format!("\"authentication_{name}\""),
            Self::Server(_) => format!("authentication.\"{name}\""),
        }
    }

    /// Changes something.
    pub(crate) fn run(&self, sql: &str) {
        match self {
            Self::File(file) => file.execute_batch(sql).expect("the statement runs"),
            Self::Server(_) => drop(self.rows(sql)),
        }
    }

    /// Changes something whatever the rules say that tie tables together. Answers how many rows.
    pub(crate) fn tamper(&self, sql: &str) -> u64 {
        match self {
            Self::File(file) => {
                file.pragma_update(None, "foreign_keys", false).expect("a pragma");
                file.execute(sql, []).expect("it can be tampered with") as u64
            }
            Self::Server(client) => postgres::block_on(async {
                client.execute(sql, &[]).await.expect("it can be tampered with")
            }),
        }
    }

    /// What the database itself finds wrong with its files, if it can say so.
    pub(crate) fn broken(&self) -> Vec<String> {
        let said = |pragma| self.column(&format!("PRAGMA {pragma}"));
        match self {
            Self::File(_) => {
                let all = ["integrity_check", "foreign_key_check"].into_iter().flat_map(said);
                all.filter(|said| said != "ok").collect()
            }
            Self::Server(_) => Vec::new(),
        }
    }
}

fn file_rows(file: &rusqlite::Connection, sql: &str) -> Vec<Row> {
    let mut statement = file.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>, at| {
        Ok(match row.get_ref(at)? {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                Some(String::from_utf8_lossy(text).into_owned())
            }
        })
    };
    let rows = statement.query_map([], |row| (0..columns).map(|at| text(row, at)).collect());
    rows.expect("the question runs").collect::<rusqlite::Result<_>>().expect("its rows are read")
}

fn server_rows(client: &Client, sql: &str) -> Vec<Row> {
    let said = postgres::block_on(async {
        let said = client.simple_query(sql).await;
        said.unwrap_or_else(|error| panic!("{error:?}: {sql}"))
    });
    let text = |value: &str| match value {
        "t" => "1".to_owned(),
        "f" => "0".to_owned(),
        other => other.to_owned(),
    };
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).map(text)).collect())
        }
        _ => None,
    };
    said.into_iter().filter_map(row).collect()
}
