//! `provisor user credential add|list|revoke`

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand};
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use provisor_domain::Username;
use provisor_domain::limits::CREDENTIALS_PER_PAGE_MAX;
use provisor_domain::store::{CredentialInfo, NewCredential};
use provisor_domain::user::CredentialUse;
use provisor_engine::Credential;
use serde_json::json;

use super::Session;
use super::session::{parsed, usage};
use crate::output::{self, Tone, note, plain, say};
use crate::span::seconds;

/// API credentials: they stand in for a password and can be revoked one by one
///
/// A credential goes where a password goes (`user.password`), so that no portal password has to live in a script.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  provisor user credential add MarioG --expires 90d")]
pub(crate) enum CredentialCommand {
    #[command(visible_alias = "create")]
    Add(Add),
    List(List),
    Revoke(Revoke),
}

const AFTER_ADD: &str = "\
Examples:
  provisor user credential add MarioG
  provisor user credential add MarioG --read-only --expires 90d --network 192.0.2.0/24
  provisor user credential add MarioG --expires 2027-01-01";

/// Make an API credential and print it once
///
/// Only a keyed digest is stored: it cannot be shown again.
#[derive(Debug, Args)]
#[command(after_help = AFTER_ADD)]
pub(crate) struct Add {
    /// The log-in name
    username: String,
    /// For queries only
    #[arg(long)]
    read_only: bool,
    /// When it stops working: after 90d, 12h, 30m or 45s, or at a date (2027-01-01) or time (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Works only from this network; may be repeated
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<IpNet>,
}

const AFTER_LIST: &str = "\
Examples:
  provisor user credential list MarioG --json
  provisor user credential list MarioG --before 30    the next page: smaller IDs than 30";

/// List a user's credentials, newest first
///
/// Shows their first characters, never the whole. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_LIST)]
pub(crate) struct List {
    /// The log-in name
    username: String,
    /// At most so many
    #[arg(long, default_value_t = CREDENTIALS_PER_PAGE_MAX, value_name = "N")]
    limit: usize,
    /// Only with a smaller ID (the next page)
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_REVOKE: &str = "\
Example:
  provisor user credential revoke MarioG 3            3 is its ID in the list";

/// Make a credential stop working
///
/// It stops within a second; the others of the user go on working.
#[derive(Debug, Args)]
#[command(after_help = AFTER_REVOKE)]
pub(crate) struct Revoke {
    /// The log-in name
    username: String,
    /// The credential's ID, as the list shows it
    id: i64,
}

impl CredentialCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Add(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Revoke(command) => command.run(session).await,
        }
    }
}

fn no_user(username: &Username) -> anyhow::Error {
    anyhow!("there is no user {username}: `provisor user list` shows all")
}

impl Add {
    async fn run(self, session: &Session) -> Result<()> {
        let username: Username = parsed("user", &self.username)?;
        let now = Session::now();
        let expires = self.expires.as_deref().map(|raw| expiry(raw, now)).transpose()?;
        let store = session.store().await?;
        let credential = Credential::generate();
        let usable_for = if self.read_only { CredentialUse::Read } else { CredentialUse::Write };
        let new = NewCredential {
            digest: credential.digest(&store.installation_key().await?).0,
            label: credential.label().to_owned(),
            usable_for,
            networks: self.networks,
            expires,
        };
        if !store.credential_add(username.clone(), new, Session::origin(), now).await? {
            return Err(no_user(&username));
        }
        say(credential.reveal())?;
        note("this is the only time it is shown; it goes where the password goes");
        Ok(())
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<()> {
        let username: Username = parsed("user", &self.username)?;
        if self.limit == 0 || self.limit > CREDENTIALS_PER_PAGE_MAX {
            return Err(usage(format!("--limit must be 1 to {CREDENTIALS_PER_PAGE_MAX}")));
        }
        let store = session.store().await?;
        let found = store.credential_list(username.clone(), self.before, self.limit).await?;
        let credentials = found.ok_or_else(|| no_user(&username))?;
        let now = Session::now();
        if self.json {
            let all = credentials.iter().map(|credential| {
                json!({
                    "id": credential.id,
                    "label": credential.label,
                    "use": word(credential.usable_for),
                    "networks": credential.networks,
                    "created": credential.created,
                    "expires": credential.expires,
                    "revoked": credential.revoked,
                    "works": works(credential, now),
                })
            });
            return output::json(&all.collect::<Vec<_>>());
        }
        let date = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let rows = credentials.iter().map(|credential| {
            let networks: Vec<String> =
                credential.networks.iter().map(ToString::to_string).collect();
            let state = match (works(credential, now), credential.revoked) {
                (true, _) => ("works", Tone::Good),
                (false, Some(_)) => ("revoked", Tone::Dim),
                (false, None) => ("expired", Tone::Dim),
            };
            [
                plain(credential.id),
                plain(format!("{}…", credential.label)),
                (state.0.to_owned(), state.1),
                plain(word(credential.usable_for)),
                plain(if networks.is_empty() { "any".to_owned() } else { networks.join(", ") }),
                plain(credential.created),
                plain(date(credential.expires)),
            ]
        });
        let head = ["ID", "CREDENTIAL", "STATE", "USE", "NETWORKS", "CREATED", "EXPIRES"];
        output::table(head, rows.collect())?;
        if credentials.len() == self.limit
            && let Some(last) = credentials.last()
        {
            note(format!("there may be more: --before {}", last.id));
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self, session: &Session) -> Result<()> {
        let username: Username = parsed("user", &self.username)?;
        let (origin, now) = (Session::origin(), Session::now());
        let store = session.store().await?;
        if !store.credential_revoke(username.clone(), self.id, origin, now).await? {
            let id = self.id;
            bail!(
                "user {username} has no credential {id} that works: `provisor user credential list {username}` shows all"
            );
        }
        say(format!("credential {} of {username}: revoked", self.id))
    }
}

fn word(usable_for: CredentialUse) -> &'static str {
    match usable_for {
        CredentialUse::Read => "read",
        CredentialUse::Write => "read and write",
    }
}

fn works(credential: &CredentialInfo, now: Timestamp) -> bool {
    credential.revoked.is_none() && credential.expires.is_none_or(|end| end > now)
}

/// `90d`, `12h`, `30m`, `45s` from now; or a date (its first moment, UTC); or a time.
fn expiry(raw: &str, now: Timestamp) -> Result<Timestamp> {
    let hint = || {
        usage(format!(
            "--expires {raw:?}: write 90d, 12h, 30m, 45s, a date like 2027-01-01 or a time like 2027-01-01T12:00:00Z"
        ))
    };
    let end = if let Some(seconds) = seconds(raw) {
        now.checked_add(SignedDuration::from_secs(seconds)).map_err(|_| hint())?
    } else if let Ok(date) = raw.parse::<jiff::civil::Date>() {
        date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| hint())?.timestamp()
    } else {
        raw.parse::<Timestamp>().map_err(|_| hint())?
    };
    if end <= now {
        return Err(usage(format!("--expires {raw:?} is in the past")));
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_span_a_date_or_a_time_in_the_future() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let at = |raw: &str| expiry(raw, now).map(|end| end.to_string()).ok();
        assert_eq!(at("45s").as_deref(), Some("2026-06-01T12:00:45Z"));
        assert_eq!(at("90d").as_deref(), Some("2026-08-30T12:00:00Z"));
        assert_eq!(at("2027-01-01").as_deref(), Some("2027-01-01T00:00:00Z"));
        assert_eq!(at("2026-06-01T12:00:01Z").as_deref(), Some("2026-06-01T12:00:01Z"));
        for wrong in ["", "d", "-1d", "1w", "2026-01-01", "0s", "soon", "9999999999999d", "é"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
