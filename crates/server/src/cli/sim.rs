//! `provisor sim import`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use provisor_domain::CustomerNumber;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::Session;
use super::session::parsed;
use crate::output::{self, count, note, say};
use crate::sim_import::{self, Import, Outcome};

/// The exit code of a command that was interrupted (128 + SIGINT).
const INTERRUPTED: u8 = 130;

/// Put SIM cards into customers' stock
#[derive(Debug, Subcommand)]
pub(crate) enum Sim {
    Import(ImportArgs),
}

const AFTER: &str = "\
Example:
  provisor sim import stock.csv
  provisor sim import stock.csv --customer 1000000

The first line names the columns, in any order, separated by commas:
  iccid                18 to 22 digits; the only column that must be there
  customer             whose stock it goes to; may be left out with --customer
  imsi, msisdn         its identity, and the number that comes with it
  network              the only network it works in
  ki, opc              32 hex digits each; never shown, and sealed before they are stored: with
                       the key in sim_key_file, which the first import with keys makes
  eid                  32 digits

  iccid,imsi,msisdn,customer
  8910390000015161789,901700000000001,07718123456,1000000";

/// Import SIM cards from a CSV file
///
/// The whole file lands, in one moment, or nothing of it does: then every bad row is named with its line and reason.
/// Ctrl-C takes back what has landed so far.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ImportArgs {
    /// The file (CSV)
    file: PathBuf,
    /// The customer of rows that name none
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// Refuse ICCIDs whose check digit is wrong (real stocks have such cards)
    #[arg(long)]
    luhn: bool,
    /// Seal with another key than the one of the keys that are there: its file is lost, and they with it
    #[arg(long)]
    new_key: bool,
    /// Print JSON: how many were imported, and the bad rows
    #[arg(long)]
    json: bool,
}

impl Sim {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode> {
        match self {
            Self::Import(command) => command.run(session).await,
        }
    }
}

impl ImportArgs {
    async fn run(self, session: &Session) -> Result<ExitCode> {
        let customer: Option<CustomerNumber> =
            self.customer.as_deref().map(|raw| parsed("--customer", raw)).transpose()?;
        let key_file = session.config.settings.sim_key_file();
        let import =
            Import { file: self.file, customer, luhn: self.luhn, key_file, new_key: self.new_key };
        let store = session.store().await?;
        let interrupted = interrupted()?;
        let who = (Session::origin(), Session::now());
        let outcome = sim_import::run(store.as_ref(), &import, who, interrupted).await?;
        if self.json {
            output::json(&shown(&outcome))?;
        }
        match outcome {
            Outcome::Landed(_) if self.json => Ok(ExitCode::SUCCESS),
            Outcome::Bad(_) if self.json => Ok(ExitCode::FAILURE),
            Outcome::Landed(rows) => {
                say(format!("{} imported", count(rows, "SIM")))?;
                Ok(ExitCode::SUCCESS)
            }
            Outcome::Bad(bad) => {
                sim_import::complain(&import.file, &bad)?;
                Ok(ExitCode::FAILURE)
            }
            Outcome::Stopped => {
                note("stopped: nothing was imported");
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    }
}

/// What came of it, for scripts. Of bad rows the first are named.
fn shown(outcome: &Outcome) -> Value {
    let (imported, bad) = match outcome {
        Outcome::Landed(rows) => (*rows, None),
        Outcome::Bad(bad) => (0, Some(bad)),
        Outcome::Stopped => (0, None),
    };
    let named = bad.iter().flat_map(|bad| &bad.named);
    let named: Vec<Value> =
        named.map(|row| json!({"line": row.line, "reason": row.reason})).collect();
    let count = bad.map_or(0, |bad| bad.count);
    json!({"imported": imported, "bad_rows": count, "bad_rows_named": named})
}

/// Resolves when somebody wants the command to end.
fn interrupted() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
