//! `provisor mail config|sync`

use anyhow::Result;
use clap::{Args, Subcommand};

use super::Session;
use crate::output::{count, say};

/// The mail system behind the Simple Portal API
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    Sync(SyncArgs),
}

const AFTER_SYNC: &str = "\
Example:
  provisor mail sync

To be run after `provisor catalogue apply` adopted portal customers, and when a mail system's lookup file was lost.
Running it again changes nothing.";

/// Tell the mail systems what every portal customer has
///
/// Works beside a running server: what a mail system was told later is kept.
#[derive(Debug, Args)]
#[command(after_help = AFTER_SYNC)]
pub(crate) struct SyncArgs {}

impl Mail {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Sync(SyncArgs {}) => {
                let data_dir = session.config.settings.data_dir();
                let told = crate::mail_sync::run(&session.store()?, &data_dir).await?;
                say(format!("the mail systems know {}", count(told, "portal customer")))
            }
        }
    }
}
