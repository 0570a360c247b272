//! Signing in: username and password, or an API credential in the password's place.
//!
//! What is promised (contract section 1.2): a missing, wrong, throttled or disabled sign-in fails in one way and at
//! one time; hashing never runs on the async threads; a failure is never cached; guessing is slowed down where it
//! comes from, never by a lock that a stranger could put on a working client.
//!
//! Cost: a credential that was verified in the last minute is one keyed BLAKE3 digest and one look into a map. The
//! digest's key is made at every boot and never leaves the process.

pub(crate) mod back_end;
pub(crate) mod credential;
mod guesses;
pub(crate) mod password;
pub(crate) mod throttle;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use provisor_domain::clock::Clock;
use provisor_domain::limits::{
    CREDENTIAL_CACHE_ENTRIES_MAX, CREDENTIAL_CACHE_SECONDS, PASSWORD_BYTES_MAX,
};
use provisor_domain::store::{Store, StoreError, UserAuth};
use provisor_domain::user::CredentialUse;
use provisor_domain::{Scope, UserKind, Username};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::call::{Caller, Error};
use crate::sight::Sight;
use credential::Credential;
use guesses::Guesses;
use password::HashPool;
use throttle::Guess;

/// The earliest moment at which a failed sign-in is answered, after its start. Longer than a password check on an
/// idle machine, so that the answer's time does not tell why it failed.
const FAILURE_ANSWERED_AFTER: Duration = Duration::from_millis(120);
/// How long a credential that worked once may pass the throttle to be checked again.
const KNOWN_GOOD: Duration = Duration::from_hours(24);

/// Why nobody was signed in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignInError {
    /// Missing, wrong, throttled, locked, expired, from the wrong network: all the same.
    #[error("sign-in failed")]
    Failed,
    /// Too many password checks are waiting; nothing was checked.
    #[error("too many password checks are waiting")]
    Busy,
    /// The store could not say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was verified, under the digest of what the caller sent.
#[derive(Debug, Clone)]
struct Verified {
    caller: Caller,
    networks: Arc<[IpNet]>,
    until: Timestamp,
    /// The users' stamp that was current before the store was read: any later change makes this void.
    stamp: i64,
}

impl Verified {
    /// Whether it is recent enough, and no user has changed since.
    fn holds(&self, now: Timestamp, stamp: i64) -> bool {
        self.until > now && self.stamp == stamp
    }

    fn caller_from(&self, source: IpAddr) -> Result<Caller, SignInError> {
        let allowed = allowed_from(&self.networks, source);
        allowed.then(|| self.caller.clone()).ok_or(SignInError::Failed)
    }
}

/// What is to be verified.
struct Asked<'a> {
    username: &'a str,
    password: &'a SecretString,
    digest: Digest,
    now: Timestamp,
    stamp: i64,
}

type Digest = [u8; 32];

/// Signs callers in.
pub struct SignIn {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    boot_key: Digest,
    installation_key: Digest,
    sight: Arc<Sight>,
    verified: Cache<Digest, Verified>,
    owners: Cache<Digest, Username>,
    pool: HashPool,
    guesses: Guesses,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignIn(..)")
    }
}

impl SignIn {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        sight: Arc<Sight>,
        installation_key: Digest,
    ) -> Self {
        Self {
            guesses: Guesses::new(store.clone(), installation_key),
            store,
            clock,
            boot_key: rand::random(),
            installation_key,
            sight,
            verified: Cache::builder()
                .max_capacity(CREDENTIAL_CACHE_ENTRIES_MAX)
                .time_to_live(KNOWN_GOOD)
                .build(),
            owners: Cache::new(CREDENTIAL_CACHE_ENTRIES_MAX),
            pool: HashPool::new(),
        }
    }

    /// Signs in who calls from `source` with these words, or fails: in every case of failure at the same time and
    /// with the same answer. A tenant's back end is nobody here.
    pub async fn sign_in(
        &self,
        username: Option<&str>,
        password: Option<&SecretString>,
        source: IpAddr,
    ) -> Result<Caller, SignInError> {
        let began = Instant::now();
        let caller = self.anybody(username, password, source).await?;
        match caller.scope.kind {
            UserKind::Tenant(_) => {
                tokio::time::sleep_until(began + FAILURE_ANSWERED_AFTER).await;
                Err(SignInError::Failed)
            }
            UserKind::Account | UserKind::Group(_) | UserKind::Service(_) => Ok(caller),
        }
    }

    /// Signs in a user of any kind.
    async fn anybody(
        &self,
        username: Option<&str>,
        password: Option<&SecretString>,
        source: IpAddr,
    ) -> Result<Caller, SignInError> {
        let began = Instant::now();
        let answer = match (username, password) {
            (Some(username), Some(password)) => self.check(username, password, source).await,
            _ => Err(SignInError::Failed),
        };
        if matches!(answer, Err(SignInError::Failed)) {
            tokio::time::sleep_until(began + FAILURE_ANSWERED_AFTER).await;
        }
        answer
    }

    async fn check(
        &self,
        username: &str,
        password: &SecretString,
        source: IpAddr,
    ) -> Result<Caller, SignInError> {
        if password.expose_secret().len() > PASSWORD_BYTES_MAX {
            return Err(SignInError::Failed);
        }
        let digest = self.digest(username, password);
        let stamp = self.sight.current().await?.users;
        let now = self.clock.now();
        let known = self.verified.get(&digest);
        if let Some(hit) = known.as_ref().filter(|hit| hit.holds(now, stamp)) {
            return hit.caller_from(source);
        }
        let guess = Guess::new(username, source);
        // 160 random bits cannot be guessed, so a credential need not wait for those who guess at the password.
        let is_password = Credential::parse(password).is_none();
        let turn = if known.is_none() && is_password {
            self.guesses.turn(guess, now).await?.ok_or(SignInError::Failed)?
        } else {
            Guesses::free_turn(guess)
        };
        let asked = Asked { username, password, digest, now, stamp };
        let verified = self.verify(&asked).await?;
        let Some(verified) = verified.filter(|v| allowed_from(&v.networks, source)) else {
            self.verified.invalidate(&digest);
            self.guesses.failed(&turn, now, is_password).await?;
            return Err(SignInError::Failed);
        };
        self.guesses.succeeded(&turn).await?;
        self.verified.insert(digest, verified.clone());
        Ok(verified.caller)
    }

    /// Hashes `secret` on a free core.
    pub(crate) async fn hash(&self, secret: SecretString) -> Result<SecretString, Error> {
        let core = self.pool.core().await.map_err(|_| Error::Busy(StoreError::Overloaded))?;
        let fault = |why: String| Error::Fault(StoreError::Broken(format!("hashing: {why}")));
        self.pool.hash(core, secret).await.map_err(fault)
    }

    /// Whether `shown` has the hash `stored`, for one who calls himself `name`: throttled, and a failure answered no
    /// earlier than any other.
    pub(crate) async fn guess(
        &self,
        name: &str,
        source: IpAddr,
        shown: SecretString,
        stored: Option<SecretString>,
    ) -> Result<bool, Error> {
        let (began, now) = (Instant::now(), self.clock.now());
        let mut fits = false;
        if shown.expose_secret().len() <= PASSWORD_BYTES_MAX
            && let Some(turn) = self.guesses.turn(Guess::new(name, source), now).await?
        {
            let core = self.pool.core().await.map_err(|_| Error::Busy(StoreError::Overloaded))?;
            fits = self.pool.verify(core, shown, stored).await;
            if fits {
                self.guesses.succeeded(&turn).await?;
            } else {
                self.guesses.failed(&turn, now, true).await?;
            }
        }
        if !fits {
            tokio::time::sleep_until(began + FAILURE_ANSWERED_AFTER).await;
        }
        Ok(fits)
    }

    /// Checks for real. A username that cannot exist costs as much as one that does not.
    async fn verify(&self, asked: &Asked<'_>) -> Result<Option<Verified>, SignInError> {
        let username: Option<Username> = asked.username.parse().ok();
        if let Some(credential) = Credential::parse(asked.password) {
            let Some(username) = username else { return Ok(None) };
            return self.verify_credential(username, &credential, asked).await;
        }
        let core = self.pool.core().await?;
        // A client that opens many connections at once sends the same words on each: while this one waited for a core,
        // another may have verified them.
        if let Some(hit) =
            self.verified.get(&asked.digest).filter(|hit| hit.holds(asked.now, asked.stamp))
        {
            return Ok(Some(hit));
        }
        let user = match &username {
            Some(username) => self.store.user_auth(username.clone()).await?,
            None => None,
        };
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let fits = self.pool.verify(core, asked.password.clone(), stored).await;
        let signed_in = user.zip(username).filter(|(user, _)| fits && !user.locked);
        Ok(signed_in.map(|(user, username)| Verified {
            caller: caller(user, username, CredentialUse::Write),
            networks: Arc::from([]),
            until: until(asked.now, None),
            stamp: asked.stamp,
        }))
    }

    async fn verify_credential(
        &self,
        username: Username,
        credential: &Credential,
        asked: &Asked<'_>,
    ) -> Result<Option<Verified>, SignInError> {
        let digest = credential.digest(&self.installation_key);
        let found = self.store.credential_auth(username.clone(), digest.0).await?;
        let works = found.filter(|c| !c.user.locked && c.expires.is_none_or(|end| end > asked.now));
        Ok(works.map(|c| Verified {
            caller: caller(c.user, username, c.usable_for),
            networks: c.networks.into(),
            until: until(asked.now, c.expires),
            stamp: asked.stamp,
        }))
    }

    /// A digest of what the caller sent, under this boot's key. The length keeps `ab`+`c` apart from `a`+`bc`.
    fn digest(&self, username: &str, password: &SecretString) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(&self.boot_key);
        hasher.update(&(username.len() as u64).to_le_bytes());
        hasher.update(username.as_bytes());
        hasher.update(password.expose_secret().as_bytes());
        *hasher.finalize().as_bytes()
    }
}

fn caller(user: UserAuth, username: Username, usable_for: CredentialUse) -> Caller {
    Caller { scope: Scope { user: user.id, kind: user.kind }, username, usable_for }
}

/// How long a verification is believed.
fn until(now: Timestamp, expires: Option<Timestamp>) -> Timestamp {
    let seconds = i64::try_from(CREDENTIAL_CACHE_SECONDS).unwrap_or(0);
    let believed = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
    expires.map_or(believed, |end| end.min(believed))
}

fn allowed_from(networks: &[IpNet], source: IpAddr) -> bool {
    networks.is_empty() || networks.iter().any(|network| network.contains(&source))
}
