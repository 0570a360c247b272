//! `provisor copy`

use anyhow::{Result, bail};
use clap::Args;
use provisor_store::copy::{self, Moved, Step};
use provisor_store::sqlite::ServeLock;
use serde::Serialize;

use super::Session;
use crate::database::DatabaseUrl;
use crate::output::{json, say, thousands};
use crate::progress::Progress;

const AFTER: &str = "\
Example:
  provisor copy sqlite:///var/lib/provisor/provisor.db postgres://provisor@db.example/provisor

Stop the server first. All of it is copied or nothing: tickets that are open too, which the
nodes on the new database carry out. Every table is read back and compared before anything
counts. Afterwards the file is marked as moved: no server and no command uses it any more, so
that no order is carried out twice. `--trial` copies without the mark, to see how long it takes
and whether it works; throw the copy away before the real one.

Where it ended early (a lost connection, a kill), give the same command again: what is there
already and is the same is not copied twice, and the file is marked.

What does not move: the files of simulated networks and the mail servers' lookup files
(data_dir), and the key file of SIM keys. Copy them to every node that needs them. The key
file's default name changes: beside a SQLite file provisor.db it is provisor.db.key, with
PostgreSQL provisor.key in the folder where provisor is started. Set sim_key_file to the old
one before anything is imported.";

/// Move an installation from a SQLite file to an empty PostgreSQL database
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Copy {
    /// The file: `sqlite://FILE`
    #[arg(value_name = "FROM")]
    from: DatabaseUrl,
    /// The database: `postgres://USER@HOST/DATABASE`
    #[arg(value_name = "TO")]
    to: DatabaseUrl,
    /// Only try it: the file stays in use
    #[arg(long)]
    trial: bool,
    /// Print the tables and their rows as JSON
    #[arg(long)]
    json: bool,
}

/// A table that was copied.
#[derive(Serialize)]
struct Table<'a> {
    table: &'a str,
    rows: u64,
}

impl Copy {
    pub(crate) async fn run(&self, _: &Session) -> Result<()> {
        let (DatabaseUrl::Sqlite(from), DatabaseUrl::Postgres(to)) = (&self.from, &self.to) else {
            bail!("an installation moves from sqlite://FILE to postgres://…, in this order");
        };
        if !from.exists() {
            bail!("there is no database {}", from.display());
        }
        // A server that runs would take orders that the copy does not have.
        let _nobody_serves_it = ServeLock::acquire(from)?;
        let moved = (!self.trial).then(|| Moved(self.to.to_string()));
        let mut progress = None;
        let mut report = |step: Step<'_>| {
            progress.get_or_insert_with(|| Progress::new("copying", step.total)).at(
                step.done,
                step.done,
                &format!("rows, {}", step.table),
            );
        };
        let copied = copy::copy(from, to.expose(), moved, copy::LOOK_MAX, &mut report).await?;
        drop(progress);
        let tables = copied.tables.iter().filter(|(_, rows)| *rows > 0);
        let tables: Vec<Table<'_>> =
            tables.map(|(table, rows)| Table { table, rows: *rows }).collect();
        if self.json {
            return json(&tables);
        }
        let rows = tables.iter().map(|table| table.rows).sum();
        say(format!(
            "{} rows of {} tables were copied to {} and compared",
            thousands(rows),
            tables.len(),
            self.to
        ))?;
        if self.trial {
            return say("this was a trial: the file is still the one in use");
        }
        say(format!("{} is marked as moved and not used any more", from.display()))
    }
}
