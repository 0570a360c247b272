//! Guessing is slowed down by all nodes together: what a guess at a password has cost, every node knows.
//!
//! Two memories. This process's own ([`Throttle`]) counts everything and answers a flood without a question to the store.
//! The store's counts guesses at passwords, which cost a hash each, so that it is never written faster than hashes are
//! computed; it is asked before a hash, and outlives a restart.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::store::{GuessPlace, Store, StoreError};

use super::throttle::{FORGOTTEN_AFTER, Guess, Throttle, delay_of_network, delay_of_user};

/// Whether passwords may be guessed at now, and what became of it.
pub(crate) struct Guesses {
    store: Arc<dyn Store>,
    /// Under which names and networks are digested: the same on every node.
    key: [u8; 32],
    here: Throttle,
}

/// A guess that may be made.
#[derive(Debug)]
pub(crate) struct Turn {
    guess: Guess,
    /// Whether failed guesses for the same user from there are known to the store.
    known: bool,
}

impl Guesses {
    pub(crate) fn new(store: Arc<dyn Store>, installation_key: [u8; 32]) -> Self {
        let key = blake3::derive_key("provisor 2026 places of guesses", &installation_key);
        Self { store, key, here: Throttle::new() }
    }

    /// Whether a password may be checked now; `None` while its place is held.
    pub(crate) async fn turn(
        &self,
        guess: Guess,
        now: Timestamp,
    ) -> Result<Option<Turn>, StoreError> {
        if self.here.holds(&guess, now) {
            return Ok(None);
        }
        let found = self.store.guesses(self.places(&guess).to_vec()).await?;
        let mut found = found.into_iter();
        let (user, network) = (found.next().flatten(), found.next().flatten());
        let until = |last: Timestamp, delay| last.saturating_add(delay).unwrap_or(last);
        let held = [
            user.map(|user| until(user.last, delay_of_user(user.failures))),
            network.map(|network| until(network.last, delay_of_network(network.failures))),
        ];
        let held = held.into_iter().flatten().any(|until| until > now);
        Ok((!held).then_some(Turn { guess, known: user.is_some() }))
    }

    /// A turn for what nobody can guess, or what worked before: it waits for no one.
    pub(crate) fn free_turn(guess: Guess) -> Turn {
        Turn { guess, known: false }
    }

    /// It was wrong. `hashed` says that it cost a hash.
    pub(crate) async fn failed(
        &self,
        turn: &Turn,
        now: Timestamp,
        hashed: bool,
    ) -> Result<(), StoreError> {
        self.here.failed(&turn.guess, now);
        if !hashed {
            return Ok(());
        }
        let quiet = SignedDuration::try_from(FORGOTTEN_AFTER).unwrap_or(SignedDuration::ZERO);
        let quiet_since = now.saturating_sub(quiet).unwrap_or(Timestamp::MIN);
        self.store.guess_failed(self.places(&turn.guess).to_vec(), quiet_since, now).await
    }

    /// It was right. Clears its own pair only: the rest of the network may still be guessing.
    pub(crate) async fn succeeded(&self, turn: &Turn) -> Result<(), StoreError> {
        self.here.succeeded(&turn.guess);
        if !turn.known {
            return Ok(());
        }
        let [user, _] = self.places(&turn.guess);
        self.store.guess_forgiven(user).await
    }

    /// The user as seen from the network, and the network alone.
    fn places(&self, guess: &Guess) -> [GuessPlace; 2] {
        let network = guess.network().to_string();
        let digest = |parts: [&str; 2]| {
            let mut hasher = blake3::Hasher::new_keyed(&self.key);
            for part in parts {
                hasher.update(part.as_bytes());
                hasher.update(&[0xff]); // in no UTF-8 text
            }
            GuessPlace(*hasher.finalize().as_bytes())
        };
        [digest([network.as_str(), guess.username()]), digest([network.as_str(), ""])]
    }
}
