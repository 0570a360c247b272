//! `provisor service close`

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use provisor_domain::ServiceCode;
use provisor_domain::store::CloseOutcome;
use serde_json::json;

use super::Session;
use super::session::parsed;
use crate::output::{self, note, say};

/// Services after their end
#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    Close(Close),
}

const AFTER: &str = "\
Example:
  provisor service close 5012345 5012346

Only a service that is switched off (S) can be closed. A live one (A, B) must be disconnected
first.";

/// Close services: their final invoice has been sent
///
/// Sets services that are switched off (S) to closed (C). One that is closed already stays so.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Close {
    /// The services' codes
    #[arg(required = true)]
    codes: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Service {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Close(command) => command.run(session).await,
        }
    }
}

impl Close {
    async fn run(self, session: &Session) -> Result<()> {
        let codes: Result<Vec<ServiceCode>> =
            self.codes.iter().map(|raw| parsed("service", raw)).collect();
        let codes = codes?;
        let (store, origin, now) = (session.store().await?, Session::origin(), Session::now());
        let closing = store.service_close(codes.clone(), origin, now);
        let closing = closing.await?;
        let live = [CloseOutcome::NotSwitchedOff, CloseOutcome::Absent];
        let left = closing.iter().filter(|outcome| live.contains(outcome)).count();
        let outcomes = codes.iter().zip(closing);
        if self.json {
            let all =
                outcomes.map(|(code, outcome)| json!({"code": code, "outcome": word(outcome)}));
            output::json(&all.collect::<Vec<_>>())?;
            return end(left);
        }
        for (code, outcome) in outcomes {
            match outcome {
                CloseOutcome::Closed => say(format!("service {code}: closed"))?,
                CloseOutcome::AlreadyClosed => say(format!("service {code}: was closed already"))?,
                CloseOutcome::NotSwitchedOff => {
                    note(format!(
                        "service {code}: it is live, or a ticket for it is open; disconnect it first"
                    ));
                }
                CloseOutcome::Absent => {
                    note(format!("service {code}: there is no such service"));
                }
            }
        }
        end(left)
    }
}

fn end(left: usize) -> Result<()> {
    match left {
        0 => Ok(()),
        left => bail!("{} not closed", output::count(left as u64, "service")),
    }
}

fn word(outcome: CloseOutcome) -> &'static str {
    match outcome {
        CloseOutcome::Closed => "closed",
        CloseOutcome::AlreadyClosed => "already_closed",
        CloseOutcome::NotSwitchedOff => "not_switched_off",
        CloseOutcome::Absent => "absent",
    }
}
