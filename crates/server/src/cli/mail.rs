//! `provisor mail config|sync`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use provisor_domain::NetworkCode;
use provisor_domain::catalogue::Network;
use provisor_drivers::mail::config::{self as templates, File, Params};
use serde_json::json;

use super::Session;
use super::session::parsed;
use crate::output::{self, count, note, say};

/// The mail system behind the Simple Portal API
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    Config(ConfigArgs),
    Sync(SyncArgs),
}

/// A mail server.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum MailServer {
    /// IMAP, log-ins, delivery into mailboxes
    Dovecot,
    /// SMTP, forwards, who is known
    Postfix,
}

const AFTER_CONFIG: &str = "\
Examples:
  provisor mail config dovecot                        print it
  provisor mail config dovecot --dir /etc/provisor-mail/dovecot     write the files
  provisor mail config postfix --dir /etc/provisor-mail/postfix

The files read the mail system's lookup file through its versioned views, and nothing else:
docs/drivers.md says what the views hold, which group Dovecot and Postfix must be in, how they
come to use the files, and what is left to you (TLS, the host's name).";

/// Print the configuration of Dovecot or Postfix
///
/// Without --dir every file is printed under a line with its name. Nothing is started or reloaded.
#[derive(Debug, Args)]
#[command(after_help = AFTER_CONFIG)]
pub(crate) struct ConfigArgs {
    /// For which server
    server: MailServer,
    /// Write the files into this folder instead of printing them
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The mail system, where the catalogue has several
    #[arg(long, value_name = "CODE")]
    network: Option<String>,
    /// Where the mail itself is kept
    #[arg(long, value_name = "DIR", default_value = "/var/vmail")]
    mail_root: PathBuf,
}

const AFTER_SYNC: &str = "\
Examples:
  provisor mail sync                  after `provisor catalogue apply` adopted portal customers,
                                      after a ticket for a portal customer was cancelled, or
                                      when a mail system's lookup file was lost
  provisor mail sync --restored       after the database was restored from a backup, where
                                      `provisor adopt begin` (which does the same) is not wanted

Running it again changes nothing.";

/// Tell the mail systems what every portal customer has
///
/// Works beside a running server: what a mail system was told later is kept.
#[derive(Debug, Args)]
#[command(after_help = AFTER_SYNC)]
pub(crate) struct SyncArgs {
    /// The database was restored from a backup: what mail systems were told since then is void
    #[arg(long)]
    restored: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Mail {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Config(command) => command.run(session).await,
            Self::Sync(SyncArgs { restored, json }) => {
                let data_dir = session.config.settings.data_dir();
                let store = session.store().await?;
                if restored {
                    store.books_restored(Session::origin(), Session::now()).await?;
                }
                let synced = crate::mail_sync::run(store.as_ref(), &data_dir).await?;
                if json {
                    let (told, refused) = (synced.told, &synced.refused);
                    output::json(&json!({"told": told, "refused": refused}))?;
                } else {
                    synced.refused.iter().for_each(note);
                    let told = count(synced.told, "portal customer");
                    say(format!("the mail systems know {told}"))?;
                }
                match synced.refused.len() {
                    0 => Ok(()),
                    refused => bail!(
                        "{} refused: run the command again",
                        count(refused as u64, "portal customer")
                    ),
                }
            }
        }
    }
}

impl ConfigArgs {
    async fn run(self, session: &Session) -> Result<()> {
        let network = self.network(session).await?;
        let data_dir = session.config.settings.data_dir();
        let lookup_file = provisor_drivers::mail_file(&network, &data_dir)?;
        let lookup_file = lookup_file.with_context(|| format!("{} has no mail", network.code))?;
        let config_dir = self.dir.clone().unwrap_or_else(|| self.default_dir().into());
        let mut params =
            Params::new(std::path::absolute(lookup_file)?, config_dir, self.mail_root.clone());
        params.doveadm = provisor_drivers::mail_doveadm(&network, &data_dir)?;
        let files = match self.server {
            MailServer::Dovecot => templates::dovecot(&params)?,
            MailServer::Postfix => templates::postfix(&params)?,
        };
        match &self.dir {
            None => files.iter().try_for_each(print),
            Some(dir) => files.iter().try_for_each(|file| write(dir, file)),
        }
    }

    fn default_dir(&self) -> &'static str {
        match self.server {
            MailServer::Dovecot => "/etc/provisor-mail/dovecot",
            MailServer::Postfix => "/etc/provisor-mail/postfix",
        }
    }

    /// The mail system that is meant.
    async fn network(&self, session: &Session) -> Result<Network> {
        let wanted: Option<NetworkCode> =
            self.network.as_deref().map(|raw| parsed("--network", raw)).transpose()?;
        let mut found = session.store().await?.network_list().await?;
        found.retain(|network| provisor_drivers::is_mail(&network.driver));
        if found.is_empty() {
            bail!("there is no mail system: define a [[tenant]] in the catalogue");
        }
        let codes: Vec<String> = found.iter().map(|network| network.code.to_string()).collect();
        found.retain(|network| wanted.as_ref().is_none_or(|code| network.code == *code));
        match (found.pop(), found.is_empty()) {
            (Some(network), true) => Ok(network),
            (None, _) => bail!("there is no such mail system; there is {}", codes.join(", ")),
            (Some(_), false) => {
                bail!("there are several mail systems: say --network {}", codes.join(" or "))
            }
        }
    }
}

fn print(file: &File) -> Result<()> {
    say(format!("# ==> {} <==\n{}", file.name, file.text))
}

fn write(dir: &Path, file: &File) -> Result<()> {
    let path = dir.join(file.name);
    let folder = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut options = OpenOptions::new();
    // Whole or not at all, whatever stops us: a mail server may be reading it.
    let beside = path.with_extension("new");
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(file.mode)
        .open(&beside)
        .and_then(|mut open| open.write_all(file.text.as_bytes()))
        .and_then(|()| std::fs::rename(&beside, &path));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    note(path.display());
    Ok(())
}
