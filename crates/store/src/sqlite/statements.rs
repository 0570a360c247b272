//! Statements kept at hand while a job runs.

use rusqlite::{CachedStatement, Connection};

use super::fault::Result;

/// The statements that a job has used so far, so that a batch looks each of them up once and not once a ticket.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    kept: Vec<(&'static str, CachedStatement<'c>)>,
}

impl<'c> Statements<'c> {
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self { connection, kept: Vec::new() }
    }

    /// The connection itself, for what is asked rarely.
    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// The statement of this text.
    pub(super) fn get(&mut self, sql: &'static str) -> Result<&mut CachedStatement<'c>> {
        // By address: the texts are constants, and comparing them would cost as much as the look-up that is saved.
        let known = self.kept.iter().position(|(text, _)| std::ptr::eq(*text, sql));
        let at = known.unwrap_or(self.kept.len());
        if known.is_none() {
            self.kept.push((sql, self.connection.prepare_cached(sql)?));
        }
        Ok(&mut self.kept[at].1)
    }
}
