//! `provisor maintenance on|off|status`

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::Session;
use crate::output::{self, say};

const AFTER: &str = "\
Example:
  provisor maintenance on
  provisor maintenance off

While it is on, every API call is answered with error 000 (HTTP 503). Tickets that are open are
carried out all the same; commands like this one work as always.";

/// Tell callers to come back later
///
/// A running server follows within a second; the mode outlives a restart.
#[derive(Debug, Subcommand)]
#[command(after_help = AFTER)]
pub(crate) enum Maintenance {
    /// Refuse all API calls with error 000
    #[command(after_help = AFTER)]
    On,
    /// Take API calls again
    #[command(after_help = AFTER)]
    Off,
    /// Say whether it is on
    #[command(after_help = AFTER)]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Maintenance {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let store = session.store().await?;
        let on = match self {
            Self::Status { json } => {
                let on = store.stamp().await?.maintenance;
                if json {
                    return output::json(&json!({"maintenance": on}));
                }
                on
            }
            Self::On | Self::Off => {
                let on = matches!(self, Self::On);
                store.maintenance_set(on, Session::origin(), Session::now()).await?;
                on
            }
        };
        say(if on { "maintenance is on" } else { "maintenance is off" })
    }
}
