//! `provisor user add|list|passwd|lock|unlock` (and `credential`, beside it)

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand};
use provisor_domain::catalogue::CatalogueKeys;
use provisor_domain::limits::USERS_PER_PAGE_MAX;
use provisor_domain::store::{NewUser, Operations, Portal, StoreError, UserChange};
use provisor_domain::{ServiceCode, TenantName, UserKind, Username};
use secrecy::SecretString;
use serde_json::json;

use super::Session;
use super::credential::CredentialCommand;
use super::session::{parsed, usage};
use crate::catalogue::COLON;
use crate::output::{self, Tone, note, plain, say};
use crate::password::Source;

/// Users that a list shows unless told otherwise.
const LIMIT_DEFAULT: usize = 1_000;

/// Who may call the APIs
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    Add(Add),
    List(List),
    Passwd(Passwd),
    Lock(Lock),
    Unlock(Unlock),
    #[command(subcommand)]
    Credential(CredentialCommand),
}

const AFTER_ADD: &str = "\
Examples:
  provisor user add MarioG --customer 1000000 --bar AS_SUS_MSISDN
  provisor user add dispatcher --customer 1000000 --group trucks
  echo 'a long password' | provisor user add script --customer 1000000 --password-stdin
  provisor user add backend --tenant kommitt          calls the Simple Portal API from outside
                                                      the tenant's networks

For scripts rather make an API credential: provisor user credential add MarioG";

/// Add a user
///
/// The password is asked for on the terminal, or read from standard input or a file. Only its Argon2id hash is kept.
#[derive(Debug, Args)]
#[command(after_help = AFTER_ADD)]
pub(crate) struct Add {
    /// The log-in name
    username: String,
    /// A customer that is granted; may be repeated
    #[arg(long = "customer", value_name = "NUMBER")]
    customers: Vec<String>,
    /// A bar that is granted; may be repeated
    #[arg(long = "bar", value_name = "CODE")]
    bars: Vec<String>,
    /// A bolt-on that is granted; may be repeated
    #[arg(long = "bolton", value_name = "CODE")]
    boltons: Vec<String>,
    /// Reaches only services of this reporting group
    #[arg(long, value_name = "GROUP", conflicts_with = "service")]
    group: Option<String>,
    /// Reaches only this service
    #[arg(long, value_name = "CODE")]
    service: Option<String>,
    /// Is the back end of this tenant: may call the Simple Portal API for it, and nothing else
    #[arg(long, value_name = "NAME", conflicts_with_all = ["service", "group", "customers", "bars", "boltons"])]
    tenant: Option<String>,
    #[command(flatten)]
    password: Source,
}

const AFTER_LIST: &str = "\
Examples:
  provisor user list --json
  provisor user list --after MarioG                   the next page: names behind MarioG";

/// List users by name
///
/// Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_LIST)]
pub(crate) struct List {
    /// At most so many
    #[arg(long, default_value_t = LIMIT_DEFAULT, value_name = "N")]
    limit: usize,
    /// Only names behind this one (the next page)
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_PASSWD: &str = "\
Example:
  provisor user passwd MarioG
  provisor user passwd MarioG --password-file new.password";

/// Set a user's password
///
/// The old one stops working within a second. API credentials of the user go on working.
#[derive(Debug, Args)]
#[command(after_help = AFTER_PASSWD)]
pub(crate) struct Passwd {
    /// The log-in name
    username: String,
    #[command(flatten)]
    password: Source,
}

const AFTER_LOCK: &str = "\
Example:
  provisor user lock MarioG";

/// Lock a user out
///
/// Password and API credentials stop working within a second. Tickets that are open are carried out all the same.
#[derive(Debug, Args)]
#[command(after_help = AFTER_LOCK)]
pub(crate) struct Lock {
    /// The log-in name
    username: String,
}

const AFTER_UNLOCK: &str = "\
Example:
  provisor user unlock MarioG";

/// Let a locked user in again
///
/// Password and API credentials work as before.
#[derive(Debug, Args)]
#[command(after_help = AFTER_UNLOCK)]
pub(crate) struct Unlock {
    /// The log-in name
    username: String,
}

impl User {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Add(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Passwd(command) => {
                let username = parsed("user", &command.username)?;
                let hash = hash(&command.password.get()?)?;
                change(session, username, UserChange::Password(hash), "password set").await
            }
            Self::Lock(Lock { username }) => {
                change(session, parsed("user", &username)?, UserChange::Locked(true), "locked")
                    .await
            }
            Self::Unlock(Unlock { username }) => {
                let change_to = UserChange::Locked(false);
                change(session, parsed("user", &username)?, change_to, "unlocked").await
            }
            Self::Credential(command) => command.run(session).await,
        }
    }
}

fn hash(password: &SecretString) -> Result<SecretString> {
    let hash = provisor_engine::hash_password(password);
    hash.map_err(|error| anyhow!("the password cannot be hashed: {error}"))
}

async fn change(
    session: &Session,
    username: Username,
    change: UserChange,
    done: &str,
) -> Result<()> {
    let store = session.store().await?;
    let changed = store.user_change(username.clone(), change, Session::origin(), Session::now());
    if !changed.await? {
        bail!("there is no user {username}: `provisor user list` shows all");
    }
    say(format!("user {username}: {done}"))
}

impl Add {
    async fn run(self, session: &Session) -> Result<()> {
        let store = session.store().await?;
        let username: Username = parsed("user", &self.username)?;
        let each = |raw: &[String], what| -> Result<Vec<_>> {
            raw.iter().map(|raw| parsed(what, raw)).collect()
        };
        let customers = each(&self.customers, "--customer")?;
        let bars: Result<Vec<_>> = self.bars.iter().map(|raw| parsed("--bar", raw)).collect();
        let boltons: Result<Vec<_>> =
            self.boltons.iter().map(|raw| parsed("--bolton", raw)).collect();
        let kind = match (&self.group, &self.service, &self.tenant) {
            (Some(group), _, _) => UserKind::Group(parsed("--group", group)?),
            (None, Some(service), _) => {
                UserKind::Service(self::service(store.as_ref(), service).await?)
            }
            (None, None, Some(_)) if !username.fits_basic() => {
                return Err(usage(format!("user {:?}: {COLON}", self.username)));
            }
            (None, None, Some(tenant)) => {
                UserKind::Tenant(self::tenant(store.as_ref(), tenant).await?)
            }
            (None, None, None) => UserKind::Account,
        };
        let (bars, boltons) = (bars?, boltons?);
        let password_hash = hash(&self.password.get()?)?;
        let user =
            NewUser { username: username.clone(), kind, password_hash, customers, bars, boltons };
        match store.user_add(user, Session::origin(), Session::now()).await {
            Ok(true) => say(format!("user {username}: added")),
            Ok(false) => bail!("there is a user {username} already"),
            Err(StoreError::Conflict(reason)) => bail!("user {username} was not added: {reason}"),
            Err(error) => Err(error.into()),
        }
    }
}

/// A service that there is. None is ever deleted.
async fn service(store: &dyn Operations, raw: &str) -> Result<ServiceCode> {
    let code: ServiceCode = parsed("--service", raw)?;
    let keys = CatalogueKeys { services: vec![code], ..CatalogueKeys::default() };
    if !store.catalogue_read(keys).await?.services.iter().any(|service| service.code == code) {
        bail!("there is no service {code}");
    }
    Ok(code)
}

/// A tenant that there is.
async fn tenant(store: &dyn Portal, raw: &str) -> Result<TenantName> {
    let name: TenantName = parsed("--tenant", raw)?;
    if !store.tenant_list().await?.iter().any(|tenant| tenant.name == name) {
        bail!("there is no tenant {name}: define it with [[tenant]] in the catalogue");
    }
    Ok(name)
}

impl List {
    async fn run(self, session: &Session) -> Result<()> {
        if self.limit == 0 || self.limit > USERS_PER_PAGE_MAX {
            return Err(usage(format!("--limit must be 1 to {USERS_PER_PAGE_MAX}")));
        }
        let after = self.after.as_deref().map(|raw| parsed("--after", raw)).transpose()?;
        let store = session.store().await?;
        store.ping().await?;
        let users = store.user_list(after, self.limit).await?;
        let kind = |kind: &UserKind| match kind {
            UserKind::Account => "account".to_owned(),
            UserKind::Group(group) => format!("group {group}"),
            UserKind::Service(service) => format!("service {service}"),
            UserKind::Tenant(tenant) => format!("tenant {tenant}"),
        };
        if self.json {
            let all = users.iter().map(|user| {
                json!({
                    "username": user.username,
                    "kind": kind(&user.kind),
                    "locked": user.locked,
                    "customers": user.customers,
                    "credentials": user.credentials,
                })
            });
            return output::json(&all.collect::<Vec<_>>());
        }
        let rows = users.iter().map(|user| {
            let state = if user.locked { ("locked", Tone::Bad) } else { ("active", Tone::Good) };
            [
                plain(&user.username),
                plain(kind(&user.kind)),
                (state.0.to_owned(), state.1),
                plain(user.customers),
                plain(user.credentials),
            ]
        });
        output::table(["USER", "KIND", "STATE", "CUSTOMERS", "CREDENTIALS"], rows.collect())?;
        if users.len() == self.limit
            && let Some(last) = users.last()
        {
            note(format!("there may be more: --after {}", last.username));
        }
        Ok(())
    }
}
