//! Password hashing: Argon2id as PHC strings, in a bounded pool off the async threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use provisor_domain::limits::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORD_CHECKS_WAITING_MAX,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SignInError;

/// How dear a hash is: memory in KiB, passes, lanes. The values are the least that OWASP's password storage cheat
/// sheet allows for Argon2id (19 MiB, 2 passes, 1 lane).
#[derive(Debug, Clone, Copy)]
pub struct PasswordParams;

impl PasswordParams {
    const MEMORY_KIB: u32 = 19 * 1024;
    const PASSES: u32 = 2;
    const LANES: u32 = 1;

    fn argon2() -> Argon2<'static> {
        let params = Params::new(Self::MEMORY_KIB, Self::PASSES, Self::LANES, None);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.unwrap_or_default())
    }
}

/// Why a new password cannot be used; `None` when it can.
pub fn password_objection(password: &SecretString) -> Option<String> {
    let password = password.expose_secret();
    if password.chars().count() < PASSWORD_CHARS_MIN {
        Some(format!("a password needs at least {PASSWORD_CHARS_MIN} characters"))
    } else if password.len() > PASSWORD_BYTES_MAX {
        Some(format!("a password has at most {PASSWORD_BYTES_MAX} bytes"))
    } else {
        None
    }
}

/// Hashes a password with a fresh salt. Takes tens of milliseconds of one core: never call it on an async thread.
pub fn hash_password(
    password: &SecretString,
) -> Result<SecretString, argon2::password_hash::Error> {
    let salt: [u8; 16] = rand::random();
    let hash = PasswordParams::argon2()
        .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)?;
    Ok(hash.to_string().into())
}

/// Whether `password` has the hash `stored`. Never true for a text that is no PHC string. As dear as
/// [`hash_password`]: never call it on an async thread.
pub fn verify_password(password: &SecretString, stored: &SecretString) -> bool {
    PasswordHash::new(stored.expose_secret()).is_ok_and(|hash| {
        PasswordParams::argon2().verify_password(password.expose_secret().as_bytes(), &hash).is_ok()
    })
}

/// Checks passwords, as many at once as there are cores; the others wait, and not too many of them.
#[derive(Debug)]
pub(crate) struct HashPool {
    cores: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The hash of nothing anybody knows, so that an unknown user costs what a known one does.
    dummy: Option<SecretString>,
}

impl HashPool {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let nobody: [u8; 32] = rand::random();
        let nobody = nobody.map(|byte| char::from(b'a' + byte % 26)).iter().collect::<String>();
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            dummy: hash_password(&nobody.into()).ok(),
        }
    }

    /// A core to check a password on, as soon as one is free.
    pub(crate) async fn core(&self) -> Result<Core, SignInError> {
        let _place = Place::take(&self.waiting)?;
        let permit = self.cores.clone().acquire_owned().await;
        Ok(Core(permit.map_err(|_closed| SignInError::Busy)?))
    }

    /// The hash of `password`; an error says what went wrong, without the password.
    pub(crate) async fn hash(
        &self,
        core: Core,
        password: SecretString,
    ) -> Result<SecretString, String> {
        let hash = tokio::task::spawn_blocking(move || {
            let _core = core; // held until the work is done, even if the caller goes away
            hash_password(&password).map_err(|error| error.to_string())
        });
        hash.await.map_err(|error| error.to_string())?
    }

    /// Whether `password` has the hash `stored`; without one it does the same work and answers no.
    pub(crate) async fn verify(
        &self,
        core: Core,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> bool {
        let known = stored.is_some();
        let Some(hash) = stored.or_else(|| self.dummy.clone()) else {
            return false;
        };
        let check = tokio::task::spawn_blocking(move || {
            let _core = core; // held until the work is done, even if the caller goes away
            verify_password(&password, &hash)
        });
        check.await.unwrap_or(false) && known
    }
}

/// The right to keep one core busy.
#[derive(Debug)]
pub(crate) struct Core(#[expect(dead_code, reason = "it is held, not used")] OwnedSemaphorePermit);

/// A place in the queue for the cores.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, SignInError> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        if before < PASSWORD_CHECKS_WAITING_MAX { Ok(place) } else { Err(SignInError::Busy) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_and_no_other_and_says_its_parameters() {
        let hash = hash_password(&"Stuttgart".into()).unwrap();
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password(&"Stuttgart".into(), &hash));
        assert!(!verify_password(&"stuttgart".into(), &hash));
        assert!(!verify_password(&"Stuttgart".into(), &"Stuttgart".into()));
    }

    #[tokio::test]
    async fn an_unknown_user_is_refused_after_the_same_work() {
        let pool = HashPool::new();
        assert!(pool.dummy.is_some());
        let core = pool.core().await.unwrap();
        assert!(!pool.verify(core, "x".into(), None).await);
        assert_eq!(pool.waiting.load(Ordering::Relaxed), 0);
    }
}
