//! The users' part of the port: what signing in needs, and what operators do to users.

use async_trait::async_trait;
use ipnet::IpNet;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{Origin, StoreError};
use crate::user::CredentialUse;
use crate::{UserId, UserKind, Username};

/// What signing in needs to know of a user.
#[derive(Debug, Clone)]
pub struct UserAuth {
    /// The user.
    pub id: UserId,
    /// His kind.
    pub kind: UserKind,
    /// The hash of his password as a PHC string.
    pub password_hash: SecretString,
    /// Whether an operator has locked him.
    pub locked: bool,
}

/// What signing in with an API credential needs to know.
#[derive(Debug, Clone)]
pub struct CredentialAuth {
    /// The user it belongs to.
    pub user: UserAuth,
    /// What it may be used for.
    pub usable_for: CredentialUse,
    /// Where it may be used from; empty for anywhere.
    pub networks: Vec<IpNet>,
    /// When it stops working.
    pub expires: Option<Timestamp>,
}

/// A user to be added by hand (the catalogue has its own way).
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The log-in name.
    pub username: Username,
    /// The kind.
    pub kind: UserKind,
    /// The hash of the password as a PHC string.
    pub password_hash: SecretString,
    /// Granted customers.
    pub customers: Vec<crate::CustomerNumber>,
    /// Granted bars.
    pub bars: Vec<crate::BarCode>,
    /// Granted bolt-ons.
    pub boltons: Vec<crate::BoltonCode>,
}

/// A user as an operator's list shows him.
#[derive(Debug, Clone)]
pub struct UserInfo {
    /// The log-in name.
    pub username: Username,
    /// The kind.
    pub kind: UserKind,
    /// Whether he is locked.
    pub locked: bool,
    /// How many customers are granted.
    pub customers: u64,
    /// How many credentials work.
    pub credentials: u64,
}

/// What an operator does to a user.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// Sets the password's hash.
    Password(SecretString),
    /// Locks or unlocks.
    Locked(bool),
}

/// A new API credential. Only its digest reaches the store.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// The keyed digest of the whole credential.
    pub digest: [u8; 32],
    /// The part by which people tell credentials apart (its first characters; not secret).
    pub label: String,
    /// What it may be used for.
    pub usable_for: CredentialUse,
    /// Where it may be used from; empty for anywhere.
    pub networks: Vec<IpNet>,
    /// When it stops working.
    pub expires: Option<Timestamp>,
}

/// An API credential as an operator's list shows it.
#[derive(Debug, Clone)]
pub struct CredentialInfo {
    /// Its key in the store.
    pub id: i64,
    /// Its label.
    pub label: String,
    /// What it may be used for.
    pub usable_for: CredentialUse,
    /// Where it may be used from.
    pub networks: Vec<IpNet>,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// Where a password was guessed at: whose, and from which network; or from which network alone. A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuessPlace(pub [u8; 32]);

/// The failed guesses at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guesses {
    /// How many, since the place was quiet for long.
    pub failures: u32,
    /// When the last one was.
    pub last: Timestamp,
}

/// Users and their credentials. Every change moves [`super::Stamp::users`] on.
#[async_trait]
pub trait Users: Send + Sync {
    /// The secret of this installation under which credentials are digested. Made at the first start.
    async fn installation_key(&self) -> Result<[u8; 32], StoreError>;

    /// The user of this name.
    async fn user_auth(&self, username: Username) -> Result<Option<UserAuth>, StoreError>;

    /// The credential with this digest, when it belongs to the user of this name and was not revoked.
    async fn credential_auth(
        &self,
        username: Username,
        digest: [u8; 32],
    ) -> Result<Option<CredentialAuth>, StoreError>;

    /// The failed guesses at these places, in their order; `None` for a place that nobody guessed at.
    async fn guesses(&self, places: Vec<GuessPlace>) -> Result<Vec<Option<Guesses>>, StoreError>;

    /// Counts a failed guess at each of these places. One whose last guess was before `quiet_since` starts afresh, and a few
    /// of such places are forgotten.
    async fn guess_failed(
        &self,
        places: Vec<GuessPlace>,
        quiet_since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Forgets the guesses at a place.
    async fn guess_forgiven(&self, place: GuessPlace) -> Result<(), StoreError>;

    /// Users by name, those behind `after`, at most `limit` (and
    /// [`USERS_PER_PAGE_MAX`](crate::limits::USERS_PER_PAGE_MAX)).
    async fn user_list(
        &self,
        after: Option<Username>,
        limit: usize,
    ) -> Result<Vec<UserInfo>, StoreError>;

    /// Adds a user; false when the name is taken. [`StoreError::Conflict`] names a grant that does not exist.
    async fn user_add(
        &self,
        user: NewUser,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Changes a user; false when there is none of this name.
    async fn user_change(
        &self,
        username: Username,
        change: UserChange,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Adds a credential; false when there is no user of this name.
    async fn credential_add(
        &self,
        username: Username,
        credential: NewCredential,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A user's credentials, newest first, those with a smaller key than `before`, at most `limit` (and
    /// [`CREDENTIALS_PER_PAGE_MAX`](crate::limits::CREDENTIALS_PER_PAGE_MAX)); `None` when there is no user of this name.
    async fn credential_list(
        &self,
        username: Username,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Option<Vec<CredentialInfo>>, StoreError>;

    /// Revokes a credential of a user by its key; false when he has none with this key that still works.
    async fn credential_revoke(
        &self,
        username: Username,
        id: i64,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
