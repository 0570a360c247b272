//! `provisor catalogue apply`

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};
use provisor_domain::store::Portal;
use serde_json::json;

use super::Session;
use crate::catalogue::{self, ApplyError, Change, Op, Order};
use crate::database::Scratch;
use crate::output::{self, Tone, count, note, paint, say};

/// Load the operator's world from a file: networks, products, customers, users …
///
/// What a file defines is created or updated; what it does not mention is left alone.
#[derive(Debug, Subcommand)]
pub(crate) enum Catalogue {
    Apply(Apply),
}

const AFTER: &str = "\
Example:
  provisor catalogue apply world.toml               makes the database when there is none
  provisor catalogue apply --dry-run world.toml     shows what would change

A file for a start:
  [[network]]
  code = \"AS\"
  driver = \"simulated\"

  [[tariff]]
  code = \"TEASEU1000MB\"
  name = \"EU 1000 MB\"
  network = \"AS\"

  [[customer]]
  number = \"1000000\"
  name = \"Example Fleet\"
  contracts = [{ code = \"1000274\", name = \"MarioG18\" }]

  [[user]]
  username = \"MarioG\"
  password_file = \"mariog.password\"
  customers = [\"1000000\"]

docs/operate.md has all tables and keys.";

/// Create and update what a catalogue file defines
///
/// All of the file is applied or nothing; everything that is wrong with it is told at once. Applying a file again
/// changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Apply {
    /// The file (TOML)
    file: PathBuf,
    /// Only show what would change in the database, which must be there
    #[arg(long)]
    dry_run: bool,
    /// Print the difference as JSON
    #[arg(long)]
    json: bool,
}

impl Catalogue {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Apply(command) => command.run(session).await,
        }
    }
}

impl Apply {
    async fn run(self, session: &Session) -> Result<()> {
        let shown = self.file.display();
        let text = std::fs::read_to_string(&self.file)
            .with_context(|| format!("cannot read the catalogue file {shown}"))?;
        let order = |dry_run| Order {
            file: &self.file,
            text: &text,
            dry_run,
            origin: Session::origin(),
            now: Session::now(),
        };
        let explained = |error| explain(error, &shown.to_string());
        let store = if self.dry_run {
            session.store().await?
        } else {
            if session.config.settings.database.is_missing() {
                // A file with mistakes leaves no database behind.
                let scratch = Scratch::open().await?;
                let tried = catalogue::apply(scratch.database.store.as_ref(), order(true)).await;
                tried.map_err(explained)?;
            }
            session.store_or_new().await?
        };
        let applied = catalogue::apply(store.as_ref(), order(self.dry_run)).await;
        let changes = applied.map_err(explained)?.changes;
        if self.json {
            let applied = !self.dry_run;
            return output::json(&json!({"applied": applied, "changes": changes}));
        }
        for change in &changes {
            show(change)?;
        }
        let number = count(changes.len() as u64, "change");
        match (changes.is_empty(), self.dry_run) {
            (true, _) => say("nothing changed: everything is as the file says"),
            (false, true) => say(format!("{number} to make (nothing was written)")),
            (false, false) => {
                say(format!("{number} made"))?;
                advise(store.as_ref(), &changes).await
            }
        }
    }
}

/// What is to be done besides, after these changes.
async fn advise(store: &dyn Portal, changes: &[Change]) -> Result<()> {
    if changes.iter().any(|change| change.entity == "portal_customer") {
        note("mail systems do not know the adopted portal customers yet: run `provisor mail sync`");
    }
    let tenants = store.tenant_list().await?;
    if changes.iter().any(|change| change.entity == "tenant" && change.op == Op::Add)
        && tenants.len() > 1
        && !tenants.iter().any(|tenant| tenant.default)
    {
        note(
            "no tenant answers paths of the Simple Portal API that name none: write `default = true` in the [[tenant]] \
             that shall",
        );
    }
    Ok(())
}

fn explain(error: ApplyError, file: &str) -> anyhow::Error {
    match error {
        ApplyError::Wrong(problems) => {
            for problem in &problems {
                note(problem);
            }
            let number = count(problems.len() as u64, "mistake");
            anyhow!("{number} in {file}: nothing was changed")
        }
        ApplyError::Conflict(reason) => {
            anyhow!("{file} does not fit what the database has: {reason}; nothing was changed")
        }
        other => anyhow::Error::new(other).context("nothing was changed"),
    }
}

fn show(change: &Change) -> Result<()> {
    let (sign, tone) = match change.op {
        Op::Add => ("+", Tone::Good),
        Op::Change => ("~", Tone::Warn),
    };
    say(paint(&format!("{sign} {} {}", change.entity, change.key), tone))?;
    for field in &change.fields {
        let name = &field.name;
        match (&field.from, &field.to) {
            (None, None) if change.op == Op::Change => say(format!("    {name} changed"))?,
            (None, None) => say(format!("    {name} set"))?,
            (None, Some(to)) => say(format!("    {name} = {to}"))?,
            (from, to) => {
                let shown = |value: &Option<String>| match value.as_deref() {
                    None | Some("") => "(nothing)".to_owned(),
                    Some(value) => value.to_owned(),
                };
                say(format!("    {name}: {} -> {}", shown(from), shown(to)))?;
            }
        }
    }
    Ok(())
}
