//! The rate limit per source network.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use ipnet::IpNet;

use provisor_engine::source_network;

/// After so many checks, networks that have been quiet are forgotten.
const CHECKS_BETWEEN_CLEANINGS: u64 = 16_384;

/// Counts requests by source network.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limiter: DefaultKeyedRateLimiter<IpNet>,
    clock: DefaultClock,
    checks: AtomicU64,
}

impl RateLimit {
    /// A limit of so many requests per second; none for `None` and zero.
    pub(crate) fn new(per_second: Option<u32>) -> Option<Self> {
        let quota = Quota::per_second(NonZeroU32::new(per_second?)?);
        Some(Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            checks: AtomicU64::new(0),
        })
    }

    /// Counts one request from `source`. Over the limit: after how many seconds to come back, at least 1.
    pub(crate) fn check(&self, source: IpAddr) -> Result<(), u64> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_BETWEEN_CLEANINGS
            == CHECKS_BETWEEN_CLEANINGS - 1
        {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&source_network(source)).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            wait.as_secs() + 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_over_its_limit_does_not_hold_up_another() {
        let rate = RateLimit::new(Some(3)).unwrap();
        let (here, neighbour, elsewhere) = ("192.0.2.1", "192.0.2.200", "198.51.100.1");
        let check = |address: &str| rate.check(address.parse().unwrap());
        for address in [here, neighbour, here] {
            assert_eq!(check(address), Ok(()));
        }
        assert_eq!(check(neighbour), Err(1));
        assert_eq!(check(elsewhere), Ok(()));
    }

    #[test]
    fn networks_that_have_been_quiet_are_forgotten() {
        let rate = RateLimit::new(Some(1_000_000)).unwrap();
        for number in 0..CHECKS_BETWEEN_CLEANINGS * 3 {
            let bits = u32::try_from(number).unwrap() << 8;
            assert_eq!(rate.check(IpAddr::V4(bits.into())), Ok(()));
        }
        let most = usize::try_from(CHECKS_BETWEEN_CLEANINGS).unwrap() * 2;
        assert!(rate.limiter.len() < most, "{}", rate.limiter.len());
    }

    #[test]
    fn no_limit_is_no_limiter() {
        assert!(RateLimit::new(None).is_none());
        assert!(RateLimit::new(Some(0)).is_none());
    }
}
