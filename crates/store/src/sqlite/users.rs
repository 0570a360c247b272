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
use rusqlite::{Connection, OptionalExtension, Row, params};
use secrecy::{ExposeSecret, SecretString};

use super::fault::{Fault, Result as Outcome, about};
use super::{SqliteStore, audit, row, sql};

/// The setting that counts changes of users.
const STAMP: &str = "stamp.users";

#[async_trait]
impl Users for SqliteStore {
    async fn installation_key(&self) -> Result<[u8; 32], StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::INSTALLATION_KEY)?;
            Ok(statement.query_row([], |row| row.get(0))?)
        })
        .await
    }

    async fn user_auth(&self, username: Username) -> Result<Option<UserAuth>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::USER_AUTH)?;
            let mut rows = statement.query([username.as_str()])?;
            rows.next()?.map(read_auth).transpose()
        })
        .await
    }

    async fn credential_auth(
        &self,
        username: Username,
        digest: [u8; 32],
    ) -> Result<Option<CredentialAuth>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::CREDENTIAL_AUTH)?;
            let mut rows = statement.query(params![username.as_str(), digest])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            Ok(Some(CredentialAuth {
                user: read_auth(row)?,
                usable_for: read_use(row, 7)?,
                networks: row::json(row, 8)?,
                expires: row::moment_or_none(row, 9)?,
            }))
        })
        .await
    }

    async fn guesses(&self, places: Vec<GuessPlace>) -> Result<Vec<Option<Guesses>>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::GUESSES)?;
            let mut found = Vec::with_capacity(places.len());
            for place in &places {
                let mut rows = statement.query([place.0])?;
                let guesses = |row: &Row<'_>| {
                    Ok::<_, Fault>(Guesses { failures: row.get(0)?, last: row::moment(row, 1)? })
                };
                found.push(rows.next()?.map(guesses).transpose()?);
            }
            Ok(found)
        })
        .await
    }

    async fn guess_failed(
        &self,
        places: Vec<GuessPlace>,
        quiet_since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let quiet_since = quiet_since.as_millisecond();
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(sql::GUESS_FAILED)?;
            for place in &places {
                statement.execute(params![place.0, now.as_millisecond(), quiet_since])?;
            }
            connection
                .prepare_cached(sql::GUESS_FAILED_FORGET)?
                .execute(params![quiet_since, GUESS_PLACES_FORGOTTEN_MAX])?;
            Ok(())
        })
        .await
    }

    async fn guess_forgiven(&self, place: GuessPlace) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.prepare_cached(sql::GUESS_FORGIVEN)?.execute([place.0])?;
            Ok(())
        })
        .await
    }

    async fn user_list(
        &self,
        after: Option<Username>,
        limit: usize,
    ) -> Result<Vec<UserInfo>, StoreError> {
        self.read(move |connection| list(connection, after.as_ref(), limit)).await
    }

    async fn user_add(
        &self,
        user: NewUser,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| add(connection, &user, (&origin, now))).await
    }

    async fn user_change(
        &self,
        username: Username,
        change: UserChange,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let Some(id) = find_id(connection, &username)? else { return Ok(false) };
            let action = match &change {
                UserChange::Password(hash) => {
                    set_password(connection, id, hash)?;
                    "user.password"
                }
                UserChange::Locked(locked) => {
                    let mut statement = connection.prepare_cached(sql::USER_CHANGE_LOCKED)?;
                    statement.execute(params![id.0, locked])?;
                    if *locked { "user.lock" } else { "user.unlock" }
                }
            };
            move_stamp(connection, STAMP)?;
            audit::add(connection, (&origin, now), action, &format!("user:{username}"), "")?;
            Ok(true)
        })
        .await
    }

    async fn credential_add(
        &self,
        username: Username,
        credential: NewCredential,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            add_credential(connection, &username, &credential, (&origin, now))
        })
        .await
    }

    async fn credential_list(
        &self,
        username: Username,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Option<Vec<CredentialInfo>>, StoreError> {
        self.read(move |connection| list_credentials(connection, &username, before, limit)).await
    }

    async fn credential_revoke(
        &self,
        username: Username,
        id: i64,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let Some(user) = find_id(connection, &username)? else { return Ok(false) };
            let revoked = connection.prepare_cached(sql::CREDENTIAL_REVOKE)?.execute(params![
                user.0,
                id,
                now.as_millisecond()
            ])?;
            if revoked == 0 {
                return Ok(false);
            }
            move_stamp(connection, STAMP)?;
            let (object, detail) = (format!("user:{username}"), format!("credential {id}"));
            audit::add(connection, (&origin, now), "credential.revoke", &object, &detail)?;
            Ok(true)
        })
        .await
    }
}

/// Moves a stamp on, so that running processes look again.
pub(super) fn move_stamp(connection: &Connection, stamp: &str) -> Outcome<()> {
    connection.prepare_cached(sql::STAMP_MOVE)?.execute([stamp])?;
    Ok(())
}

/// The key of a user, if there is one of this name.
pub(super) fn find_id(connection: &Connection, username: &Username) -> Outcome<Option<UserId>> {
    let mut statement = connection.prepare_cached(sql::USER_ID)?;
    Ok(statement.query_row([username.as_str()], |row| row.get(0)).optional()?.map(UserId))
}

/// Writes a user without grants and answers his key; `None` when the name is taken.
pub(super) fn insert(
    connection: &Connection,
    username: &Username,
    kind: &UserKind,
    hash: &SecretString,
) -> Outcome<Option<UserId>> {
    if find_id(connection, username)?.is_some() {
        return Ok(None);
    }
    let columns = kind_columns(kind);
    let added = connection.prepare_cached(sql::USER_ADD)?.insert(params![
        username.as_str(),
        columns.kind,
        columns.group,
        columns.service,
        columns.tenant,
        hash.expose_secret()
    ]);
    Ok(Some(UserId(about(added, || unfit(username, kind))?)))
}

/// Makes a user one of another kind.
pub(super) fn set_kind(
    connection: &Connection,
    user: UserId,
    (username, kind): (&Username, &UserKind),
) -> Outcome<()> {
    let columns = kind_columns(kind);
    let changed = connection.prepare_cached(sql::USER_CHANGE_KIND)?.execute(params![
        user.0,
        columns.kind,
        columns.group,
        columns.service,
        columns.tenant
    ]);
    about(changed, || unfit(username, kind))?;
    Ok(())
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
pub(super) fn set_password(
    connection: &Connection,
    user: UserId,
    hash: &SecretString,
) -> Outcome<()> {
    let mut statement = connection.prepare_cached(sql::USER_CHANGE_PASSWORD)?;
    statement.execute(params![user.0, hash.expose_secret()])?;
    Ok(())
}

/// Grants customers, bars or bolt-ons to a user: `sql` says which, `what` names one of them in an error.
pub(super) fn grant<'a>(
    connection: &Connection,
    user: UserId,
    (sql, what): (&str, &str),
    codes: impl Iterator<Item = &'a str>,
) -> Outcome<()> {
    let mut statement = connection.prepare_cached(sql)?;
    for code in codes {
        let granted = statement.execute(params![user.0, code]);
        about(granted, || format!("{what} {code} is not known"))?;
    }
    Ok(())
}

/// A kind as its four columns.
struct KindColumns<'a> {
    kind: &'static str,
    group: Option<&'a str>,
    service: Option<i64>,
    tenant: Option<&'a str>,
}

fn kind_columns(kind: &UserKind) -> KindColumns<'_> {
    let bare = |kind| KindColumns { kind, group: None, service: None, tenant: None };
    match kind {
        UserKind::Account => bare("account"),
        UserKind::Group(group) => KindColumns { group: Some(group.as_str()), ..bare("group") },
        UserKind::Service(code) => KindColumns { service: Some(code.number()), ..bare("service") },
        UserKind::Tenant(tenant) => KindColumns { tenant: Some(tenant.as_str()), ..bare("tenant") },
    }
}

/// A kind from its four columns.
pub(super) fn read_kind(row: &Row<'_>, at: usize) -> Outcome<UserKind> {
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

fn read_auth(row: &Row<'_>) -> Outcome<UserAuth> {
    Ok(UserAuth {
        id: UserId(row.get(0)?),
        kind: read_kind(row, 1)?,
        password_hash: SecretString::from(row.get::<_, String>(5)?),
        locked: row.get(6)?,
    })
}

fn use_word(usable_for: CredentialUse) -> &'static str {
    match usable_for {
        CredentialUse::Read => "read",
        CredentialUse::Write => "write",
    }
}

fn read_use(row: &Row<'_>, at: usize) -> Outcome<CredentialUse> {
    match row.get_ref(at)?.as_str().map_err(rusqlite::Error::from)? {
        "read" => Ok(CredentialUse::Read),
        "write" => Ok(CredentialUse::Write),
        other => Err(Fault::broken(format!("a credential for {other}"))),
    }
}

fn list(connection: &Connection, after: Option<&Username>, limit: usize) -> Outcome<Vec<UserInfo>> {
    let mut statement = connection.prepare_cached(sql::USER_LIST)?;
    let after = after.map_or("", Username::as_str);
    let mut rows = statement.query(params![after, limit.min(USERS_PER_PAGE_MAX)])?;
    let mut users = Vec::new();
    while let Some(row) = rows.next()? {
        users.push(UserInfo {
            kind: read_kind(row, 1)?,
            username: row::text(row, 5)?,
            locked: row.get(6)?,
            customers: row.get(7)?,
            credentials: row.get(8)?,
        });
    }
    Ok(users)
}

fn add(connection: &Connection, user: &NewUser, now: (&Origin, Timestamp)) -> Outcome<bool> {
    let granted = user.customers.len() + user.bars.len() + user.boltons.len();
    check_grants(&user.username, &user.kind, granted)?;
    let inserted = insert(connection, &user.username, &user.kind, &user.password_hash)?;
    let Some(id) = inserted else { return Ok(false) };
    let (customers, bars, boltons) = (user.customers.iter(), user.bars.iter(), user.boltons.iter());
    let customer = (sql::USER_GRANT_CUSTOMER, "customer");
    grant(connection, id, customer, customers.map(CustomerNumber::as_str))?;
    grant(connection, id, (sql::USER_GRANT_BAR, "bar"), bars.map(BarCode::as_str))?;
    grant(connection, id, (sql::USER_GRANT_BOLTON, "bolt-on"), boltons.map(BoltonCode::as_str))?;
    move_stamp(connection, STAMP)?;
    audit::add(connection, now, "user.add", &format!("user:{}", user.username), "")?;
    Ok(true)
}

fn add_credential(
    connection: &Connection,
    username: &Username,
    credential: &NewCredential,
    (origin, now): (&Origin, Timestamp),
) -> Outcome<bool> {
    let Some(user) = find_id(connection, username)? else { return Ok(false) };
    connection.prepare_cached(sql::CREDENTIAL_ADD)?.execute(params![
        user.0,
        credential.digest,
        credential.label,
        use_word(credential.usable_for),
        row::to_json(&credential.networks)?,
        now.as_millisecond(),
        credential.expires.map(Timestamp::as_millisecond),
    ])?;
    move_stamp(connection, STAMP)?;
    let object = format!("user:{username}");
    audit::add(connection, (origin, now), "credential.add", &object, &credential.label)?;
    Ok(true)
}

fn list_credentials(
    connection: &Connection,
    username: &Username,
    before: Option<i64>,
    limit: usize,
) -> Outcome<Option<Vec<CredentialInfo>>> {
    let Some(user) = find_id(connection, username)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(sql::CREDENTIAL_LIST)?;
    let (before, limit) = (before.unwrap_or(i64::MAX), limit.min(CREDENTIALS_PER_PAGE_MAX));
    let mut rows = statement.query(params![user.0, before, limit])?;
    let mut credentials = Vec::new();
    while let Some(row) = rows.next()? {
        credentials.push(CredentialInfo {
            id: row.get(0)?,
            label: row.get(1)?,
            usable_for: read_use(row, 2)?,
            networks: row::json(row, 3)?,
            created: row::moment(row, 4)?,
            expires: row::moment_or_none(row, 5)?,
            revoked: row::moment_or_none(row, 6)?,
        });
    }
    Ok(Some(credentials))
}
