//! Users and their credentials. Every change moves the users' stamp on, in the same transaction.
//!
//! Invariant: a tenant's user is granted nothing: it is no user of the face that grants are for.

use async_trait::async_trait;
use jiff::Timestamp;
use provisor_domain::limits::{
    CREDENTIALS_PER_PAGE_MAX, GUESS_PLACES_FORGOTTEN_MAX, USERS_PER_PAGE_MAX,
};
use provisor_domain::store::{
    CredentialAuth, CredentialInfo, GuessPlace, Guesses, NewCredential, NewUser, Origin,
    StoreError, UserAuth, UserChange, UserInfo, Users,
};
use provisor_domain::user::CredentialUse;
use provisor_domain::{
    BarCode, BoltonCode, CustomerNumber, ReportingGroup, ServiceCode, TenantName, UserId, UserKind,
    Username,
};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Row;

use super::fault::{Fault, Result as Outcome};
use super::link::{Ask, params};
use super::work::Work;
use super::{PostgresStore, audit, row, sql, told};

/// The setting that counts changes of users.
const STAMP: &str = "stamp.users";

#[async_trait]
impl Users for PostgresStore {
    async fn installation_key(&self) -> Result<[u8; 32], StoreError> {
        let key = async {
            let rows = self.ask_one(sql::INSTALLATION_KEY, vec![]).await?;
            let row = rows.first().ok_or_else(|| Fault::broken("no installation key"))?;
            row::bytes(row, 0)
        };
        told(key.await)
    }

    async fn user_auth(&self, username: Username) -> Result<Option<UserAuth>, StoreError> {
        let auth = async {
            let rows = self.ask_one(sql::USER_AUTH, params![username.to_string()]).await?;
            rows.first().map(read_auth).transpose()
        };
        told(auth.await)
    }

    async fn credential_auth(
        &self,
        username: Username,
        digest: [u8; 32],
    ) -> Result<Option<CredentialAuth>, StoreError> {
        let auth = async {
            let asked = params![username.to_string(), digest.to_vec()];
            let rows = self.ask_one(sql::CREDENTIAL_AUTH, asked).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            Ok(Some(CredentialAuth {
                user: read_auth(row)?,
                usable_for: read_use(row, 7)?,
                networks: row::json(row, 8)?,
                expires: row::moment_or_none(row, 9)?,
            }))
        };
        told(auth.await)
    }

    async fn guesses(&self, places: Vec<GuessPlace>) -> Result<Vec<Option<Guesses>>, StoreError> {
        let guesses = async {
            let ask = |place: &GuessPlace| Ask::new(sql::GUESSES, params![place.0.to_vec()]);
            let asks: Vec<Ask> = places.iter().map(ask).collect();
            let answers = self.ask(&asks).await?;
            let found = |row: &Row| {
                Ok(Guesses { failures: row::count(row, 0)?, last: row::moment(row, 1)? })
            };
            answers.iter().map(|answer| answer.rows.first().map(found).transpose()).collect()
        };
        told(guesses.await)
    }

    async fn guess_failed(
        &self,
        mut places: Vec<GuessPlace>,
        quiet_since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // In one order on every node, so that none waits for another that waits for it.
        places.sort_unstable();
        let quiet_since = quiet_since.as_millisecond();
        let failed = |place: &GuessPlace| {
            Ask::new(
                sql::GUESS_FAILED,
                params![place.0.to_vec(), now.as_millisecond(), quiet_since],
            )
        };
        let forget = params![quiet_since, i64::from(GUESS_PLACES_FORGOTTEN_MAX)];
        let mut asks: Vec<Ask> = places.iter().map(failed).collect();
        asks.push(Ask::new(sql::GUESS_FAILED_FORGET, forget));
        told(async { self.work().await?.commit_with(&asks).await.map(drop) }.await)
    }

    async fn guess_forgiven(&self, place: GuessPlace) -> Result<(), StoreError> {
        let forgiven = Ask::new(sql::GUESS_FORGIVEN, params![place.0.to_vec()]);
        told(async { self.work().await?.commit_with(&[forgiven]).await.map(drop) }.await)
    }

    async fn user_list(
        &self,
        after: Option<Username>,
        limit: usize,
    ) -> Result<Vec<UserInfo>, StoreError> {
        let list = async {
            let after = after.map_or_else(String::new, String::from);
            let limit = row::number(limit.min(USERS_PER_PAGE_MAX));
            let rows = self.ask_one(sql::USER_LIST, params![after, limit]).await?;
            rows.iter().map(read_info).collect()
        };
        told(list.await)
    }

    async fn user_add(
        &self,
        user: NewUser,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        told(async { add(self.work().await?, &user, (&origin, now)).await }.await)
    }

    async fn user_change(
        &self,
        username: Username,
        change: UserChange,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = async {
            let mut work = self.work().await?;
            let Some(id) = find_id(&mut work, &username).await? else { return Ok(false) };
            let (change, action) = match &change {
                UserChange::Password(hash) => (set_password(id, hash), "user.password"),
                UserChange::Locked(locked) => {
                    let action = if *locked { "user.lock" } else { "user.unlock" };
                    (Ask::new(sql::USER_CHANGE_LOCKED, params![id.0, *locked]), action)
                }
            };
            let line = audit::add((&origin, now), action, format!("user:{username}"), "");
            work.commit_with(&[change, move_stamp(STAMP), line]).await?;
            Ok(true)
        };
        told(changed.await)
    }

    async fn credential_add(
        &self,
        username: Username,
        credential: NewCredential,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let added = async {
            add_credential(self.work().await?, &username, &credential, (&origin, now)).await
        };
        told(added.await)
    }

    async fn credential_list(
        &self,
        username: Username,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Option<Vec<CredentialInfo>>, StoreError> {
        let list = async {
            let rows = self.ask_one(sql::USER_ID, params![username.to_string()]).await?;
            let Some(user) = rows.first() else { return Ok(None) };
            let id: i64 = row::get(user, 0)?;
            let limit = row::number(limit.min(CREDENTIALS_PER_PAGE_MAX));
            let asked = params![id, before.unwrap_or(i64::MAX), limit];
            let rows = self.ask_one(sql::CREDENTIAL_LIST, asked).await?;
            rows.iter().map(read_credential).collect::<Outcome<_>>().map(Some)
        };
        told(list.await)
    }

    async fn credential_revoke(
        &self,
        username: Username,
        id: i64,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let revoked = async {
            let mut work = self.work().await?;
            let Some(user) = find_id(&mut work, &username).await? else { return Ok(false) };
            let asked = params![user.0, id, now.as_millisecond()];
            if work.one(sql::CREDENTIAL_REVOKE, asked).await?.changed == 0 {
                return Ok(false);
            }
            let (object, detail) = (format!("user:{username}"), format!("credential {id}"));
            let line = audit::add((&origin, now), "credential.revoke", object, &detail);
            work.commit_with(&[move_stamp(STAMP), line]).await?;
            Ok(true)
        };
        told(revoked.await)
    }
}

/// Moves a stamp on, so that running processes look again.
pub(super) fn move_stamp(stamp: &'static str) -> Ask {
    Ask::new(sql::STAMP_MOVE, params![stamp])
}

/// The key of a user, if there is one of this name.
pub(super) async fn find_id(work: &mut Work, username: &Username) -> Outcome<Option<UserId>> {
    let found = work.one(sql::USER_ID, params![username.to_string()]).await?;
    found.rows.first().map(|row| row::get(row, 0).map(UserId)).transpose()
}

/// Writes a user without grants and answers his key; `None` when the name is taken.
pub(super) async fn insert(
    work: &mut Work,
    username: &Username,
    kind: &UserKind,
    hash: &SecretString,
) -> Outcome<Option<UserId>> {
    let columns = kind_columns(kind);
    let add = params![
        username.to_string(),
        columns.kind,
        columns.group,
        columns.service,
        columns.tenant,
        hash.expose_secret().to_owned()
    ];
    let add = Ask::new(sql::USER_ADD, add).or_say(unfit(username, kind));
    let added = work.go(&[add]).await?;
    let id = added.first().and_then(|answer| answer.rows.first());
    id.map(|row| row::get(row, 0).map(UserId)).transpose()
}

/// Makes a user one of another kind.
pub(super) fn set_kind(user: UserId, (username, kind): (&Username, &UserKind)) -> Ask {
    let columns = kind_columns(kind);
    let kind_of = params![user.0, columns.kind, columns.group, columns.service, columns.tenant];
    Ask::new(sql::USER_CHANGE_KIND, kind_of).or_say(unfit(username, kind))
}

fn unfit(username: &Username, kind: &UserKind) -> String {
    match kind {
        UserKind::Tenant(tenant) => format!("user {username}: tenant {tenant} is not known"),
        UserKind::Account | UserKind::Group(_) | UserKind::Service(_) => {
            format!("user {username} cannot be written")
        }
    }
}

/// Refuses grants to a user who can have none.
pub(super) fn check_grants(username: &Username, kind: &UserKind, granted: usize) -> Outcome<()> {
    match kind {
        UserKind::Tenant(tenant) if granted > 0 => Err(Fault::conflict(format!(
            "user {username} is of tenant {tenant}: customers, bars and bolt-ons are not for it"
        ))),
        _ => Ok(()),
    }
}

/// Replaces the hash of a user's password.
pub(super) fn set_password(user: UserId, hash: &SecretString) -> Ask {
    Ask::new(sql::USER_CHANGE_PASSWORD, params![user.0, hash.expose_secret().to_owned()])
}

/// What grants customers, bars or bolt-ons to a user: `sql` says which, `what` names one of them in an error.
pub(super) fn grant<'a>(
    user: UserId,
    (sql, what): (&'static str, &str),
    codes: impl Iterator<Item = &'a str>,
) -> Vec<Ask> {
    let grant = |code: &str| {
        let words = format!("{what} {code} is not known");
        Ask::new(sql, params![user.0, code.to_owned()]).or_say(words)
    };
    codes.map(grant).collect()
}

/// A kind as its four columns.
struct KindColumns {
    kind: &'static str,
    group: Option<String>,
    service: Option<i64>,
    tenant: Option<String>,
}

fn kind_columns(kind: &UserKind) -> KindColumns {
    let bare = |kind| KindColumns { kind, group: None, service: None, tenant: None };
    match kind {
        UserKind::Account => bare("account"),
        UserKind::Group(group) => KindColumns { group: Some(group.to_string()), ..bare("group") },
        UserKind::Service(code) => KindColumns { service: Some(code.number()), ..bare("service") },
        UserKind::Tenant(tenant) => {
            KindColumns { tenant: Some(tenant.to_string()), ..bare("tenant") }
        }
    }
}

/// A kind from its four columns.
pub(super) fn read_kind(row: &Row, at: usize) -> Outcome<UserKind> {
    let group: Option<ReportingGroup> = row::text_or_none(row, at + 1)?;
    let service: Option<ServiceCode> = row::service_code_or_none(row, at + 2)?;
    let tenant: Option<TenantName> = row::text_or_none(row, at + 3)?;
    Ok(match (group, service, tenant) {
        (None, None, None) => UserKind::Account,
        (Some(group), None, None) => UserKind::Group(group),
        (None, Some(service), None) => UserKind::Service(service),
        (None, None, Some(tenant)) => UserKind::Tenant(tenant),
        _ => return Err(Fault::broken("a user of two kinds")),
    })
}

fn read_auth(row: &Row) -> Outcome<UserAuth> {
    Ok(UserAuth {
        id: UserId(row::get(row, 0)?),
        kind: read_kind(row, 1)?,
        password_hash: SecretString::from(row::get::<String>(row, 5)?),
        locked: row::get(row, 6)?,
    })
}

fn read_info(row: &Row) -> Outcome<UserInfo> {
    Ok(UserInfo {
        kind: read_kind(row, 1)?,
        username: row::text(row, 5)?,
        locked: row::get(row, 6)?,
        customers: row::count(row, 7)?,
        credentials: row::count(row, 8)?,
    })
}

fn read_credential(row: &Row) -> Outcome<CredentialInfo> {
    Ok(CredentialInfo {
        id: row::get(row, 0)?,
        label: row::get(row, 1)?,
        usable_for: read_use(row, 2)?,
        networks: row::json(row, 3)?,
        created: row::moment(row, 4)?,
        expires: row::moment_or_none(row, 5)?,
        revoked: row::moment_or_none(row, 6)?,
    })
}

fn use_word(usable_for: CredentialUse) -> &'static str {
    match usable_for {
        CredentialUse::Read => "read",
        CredentialUse::Write => "write",
    }
}

fn read_use(row: &Row, at: usize) -> Outcome<CredentialUse> {
    match row::get(row, at)? {
        "read" => Ok(CredentialUse::Read),
        "write" => Ok(CredentialUse::Write),
        other => Err(Fault::broken(format!("a credential for {other}"))),
    }
}

async fn add(mut work: Work, user: &NewUser, now: (&Origin, Timestamp)) -> Outcome<bool> {
    let granted = user.customers.len() + user.bars.len() + user.boltons.len();
    check_grants(&user.username, &user.kind, granted)?;
    let inserted = insert(&mut work, &user.username, &user.kind, &user.password_hash).await?;
    let Some(id) = inserted else { return Ok(false) };
    let (customers, bars, boltons) = (user.customers.iter(), user.bars.iter(), user.boltons.iter());
    let customer = (sql::USER_GRANT_CUSTOMER, "customer");
    let mut asks = grant(id, customer, customers.map(CustomerNumber::as_str));
    asks.extend(grant(id, (sql::USER_GRANT_BAR, "bar"), bars.map(BarCode::as_str)));
    asks.extend(grant(id, (sql::USER_GRANT_BOLTON, "bolt-on"), boltons.map(BoltonCode::as_str)));
    asks.push(move_stamp(STAMP));
    asks.push(audit::add(now, "user.add", format!("user:{}", user.username), ""));
    work.commit_with(&asks).await?;
    Ok(true)
}

async fn add_credential(
    mut work: Work,
    username: &Username,
    credential: &NewCredential,
    by: (&Origin, Timestamp),
) -> Outcome<bool> {
    let Some(user) = find_id(&mut work, username).await? else { return Ok(false) };
    let add = Ask::new(
        sql::CREDENTIAL_ADD,
        params![
            user.0,
            credential.digest.to_vec(),
            credential.label.clone(),
            use_word(credential.usable_for),
            row::to_json(&credential.networks)?,
            by.1.as_millisecond(),
            credential.expires.map(Timestamp::as_millisecond),
        ],
    );
    let line = audit::add(by, "credential.add", format!("user:{username}"), &credential.label);
    work.commit_with(&[add, move_stamp(STAMP), line]).await?;
    Ok(true)
}
