//! `provisor migrate`

use anyhow::Result;
use clap::Args;

use super::Session;
use crate::database::{Database, Schema};
use crate::output::say;

const AFTER: &str = "\
Example:
  provisor migrate --database sqlite:///var/lib/provisor/provisor.db

`provisor serve` does it by itself at its start; this command is for doing it beforehand, after
a backup. A database of a newer provisor is refused.";

/// Bring the database to the form that this version needs
///
/// Makes the database when there is none. Nothing is lost; a database that is up to date is left as it is.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        let url = &session.config.settings.database;
        let (from, to) = Database::migrate(url, session.how(Schema::Migrate)).await?;
        match (from, to) {
            (from, to) if from == to => say(format!("the database is up to date (schema {to})")),
            (0, to) => say(format!("the database has been made (schema {to})")),
            (from, to) => say(format!("the database has been migrated from schema {from} to {to}")),
        }
    }
}
