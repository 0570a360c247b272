//! What one process remembers of guesses (see [`super::guesses`] for what all of them do), and how long a place is held.
//!
//! Slows guessing down where it comes from: per (username, source network) and per source network.
//!
//! After a few failures further attempts from the same place are not checked until a delay has passed; the delay
//! doubles with every failure after it. Another place is not affected, and (see [`super::SignIn`]) what worked before
//! passes, and so does every API credential: a stranger cannot lock a working client out.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::{SignedDuration, Timestamp};
use moka::ops::compute::Op;
use moka::sync::Cache;

/// Failures that cost nothing: a person's typing errors.
const FREE_PER_USER: u32 = 5;
/// Failures that cost nothing from one network: an office of persons.
const FREE_PER_NETWORK: u32 = 50;
const FIRST_DELAY_SECONDS: i64 = 1;
const LONGEST_DELAY_SECONDS: i64 = 300;
/// After this long without an attempt a place starts afresh.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);
/// So much of a name counts: more than any user's, or tenant and number of a portal customer, have.
const NAME_CHARS_MAX: usize = 256;
/// Most places remembered; the least recently seen are forgotten first.
const PLACES_MAX: u64 = 100_000;

/// Who is being guessed, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Guess {
    username: Box<str>,
    network: IpNet,
}

impl Guess {
    /// A guess from `source`.
    pub(crate) fn new(username: &str, source: IpAddr) -> Self {
        let network = source_network(source);
        // A name longer than any user's or portal customer's must not fill the memory.
        let username = username.chars().take(NAME_CHARS_MAX).collect();
        Self { username, network }
    }

    /// Who is being guessed.
    pub(crate) fn username(&self) -> &str {
        &self.username
    }

    /// Where from.
    pub(crate) fn network(&self) -> IpNet {
        self.network
    }
}

/// The network that `address` is counted under: /24 (IPv4) or /56 (IPv6), the least that one owner has.
pub fn source_network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpNet::V4(Ipv4Net::new_assert(v4, 24).trunc()),
        IpAddr::V6(v6) => IpNet::V6(Ipv6Net::new_assert(v6, 56).trunc()),
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    failures: u32,
    held_until: Timestamp,
}

/// Remembers where failures came from.
#[derive(Debug)]
pub(crate) struct Throttle {
    by_user: Cache<Guess, Place>,
    by_network: Cache<IpNet, Place>,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { by_user: places(), by_network: places() }
    }

    /// True while attempts from there are not even checked.
    pub(crate) fn holds(&self, guess: &Guess, now: Timestamp) -> bool {
        let user = self.by_user.get(guess);
        let network = self.by_network.get(&guess.network);
        [user, network].into_iter().flatten().any(|place| place.held_until > now)
    }

    pub(crate) fn failed(&self, guess: &Guess, now: Timestamp) {
        count(&self.by_user, guess.clone(), FREE_PER_USER, now);
        count(&self.by_network, guess.network, FREE_PER_NETWORK, now);
    }

    /// A success clears its own pair only: the rest of the network may still be guessing.
    pub(crate) fn succeeded(&self, guess: &Guess) {
        self.by_user.invalidate(guess);
    }
}

fn places<K: Hash + Eq + Send + Sync + 'static>() -> Cache<K, Place> {
    Cache::builder().max_capacity(PLACES_MAX).time_to_idle(FORGOTTEN_AFTER).build()
}

fn count<K: Hash + Eq + Send + Sync + 'static>(
    places: &Cache<K, Place>,
    key: K,
    free: u32,
    now: Timestamp,
) {
    places.entry(key).and_compute_with(|known| {
        let failures = known.map_or(0, |entry| entry.value().failures).saturating_add(1);
        let held_until = now.saturating_add(delay(failures, free)).unwrap_or(now);
        Op::Put(Place { failures, held_until })
    });
}

/// How long a user is held, as seen from one network, after so many failures.
pub(crate) fn delay_of_user(failures: u32) -> SignedDuration {
    delay(failures, FREE_PER_USER)
}

/// How long a network is held after so many failures.
pub(crate) fn delay_of_network(failures: u32) -> SignedDuration {
    delay(failures, FREE_PER_NETWORK)
}

fn delay(failures: u32, free: u32) -> SignedDuration {
    let Some(beyond) = failures.checked_sub(free).filter(|beyond| *beyond > 0) else {
        return SignedDuration::ZERO;
    };
    let doubled = FIRST_DELAY_SECONDS.saturating_mul(1_i64 << (beyond - 1).min(30));
    SignedDuration::from_secs(doubled.min(LONGEST_DELAY_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn delays_grow_from_the_sixth_failure_and_stay_bounded() {
        let seconds = |failures| delay(failures, FREE_PER_USER).as_secs();
        assert_eq!((1..=8).map(seconds).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1, 2, 4]);
        assert_eq!(seconds(u32::MAX), LONGEST_DELAY_SECONDS);
    }

    #[test]
    fn a_stranger_elsewhere_does_not_hold_up_a_client_here() {
        let throttle = Throttle::new();
        let stranger = Guess::new("MarioG", "192.0.2.7".parse().unwrap());
        for second in 0..100 {
            throttle.failed(&stranger, at(second));
        }
        assert!(throttle.holds(&stranger, at(100)));
        assert!(throttle.holds(&Guess::new("MarioG", "192.0.2.250".parse().unwrap()), at(100)));
        assert!(!throttle.holds(&Guess::new("MarioG", "198.51.100.7".parse().unwrap()), at(100)));
    }

    #[test]
    fn a_network_that_guesses_many_names_is_held_as_a_whole() {
        let throttle = Throttle::new();
        let source = "2001:db8::1".parse().unwrap();
        for name in 0..=FREE_PER_NETWORK {
            throttle.failed(&Guess::new(&name.to_string(), source), at(0));
        }
        assert!(throttle.holds(&Guess::new("fresh", source), at(0)));
        assert!(!throttle.holds(&Guess::new("fresh", source), at(2)));
    }
}
