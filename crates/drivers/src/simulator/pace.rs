//! When the network is too busy or down.
//!
//! Time is tokio's, so that a test that stops the clock stops it here too.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::{Outage, Settings};

/// The rate above which the simulator itself refuses, as a multiple of the limit it tells. The engine keeps the limit;
/// this is so much above it that only an engine that doesn't is caught.
const RATE_TOLERATED: f64 = 2.0;

/// Lets at most [`RATE_TOLERATED`] times the limit pass, with one second's worth at once (a token bucket).
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Pace {
    pub(super) fn new(rate_per_second: u32) -> Self {
        let per_second = f64::from(rate_per_second) * RATE_TOLERATED;
        let bucket = Mutex::new(Bucket { tokens: per_second, filled: Instant::now() });
        Self { per_second, bucket }
    }

    /// Lets one command pass, or says after how long one would.
    pub(super) fn pass(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = (now - bucket.filled).as_secs_f64() * self.per_second;
        bucket.tokens = (bucket.tokens + fresh).min(self.per_second);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second))
    }
}

/// Why the network is down right now, if it is. `up` is how long it has been open.
pub(super) fn outage(settings: &Settings, up: Duration) -> Option<String> {
    if settings.outage_file.as_deref().is_some_and(Path::exists) {
        return Some("the simulated network is down: its outage file exists".into());
    }
    let down = settings.outages.iter().any(|outage| is_down(outage, up));
    down.then(|| "the simulated network is down: a scheduled outage".into())
}

fn is_down(outage: &Outage, up: Duration) -> bool {
    let into = up.as_nanos() % outage.every.as_nanos().max(1);
    into >= outage.every.saturating_sub(outage.down).as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_the_end_of_every_period() {
        let outage = Outage { every: Duration::from_secs(10), down: Duration::from_secs(2) };
        let down: Vec<u64> =
            (0..25).filter(|s| is_down(&outage, Duration::from_secs(*s))).collect();
        assert_eq!(down, [8, 9, 18, 19]);
    }

    #[tokio::test(start_paused = true)]
    async fn twice_the_rate_passes_and_more_is_told_when_to_come_back() {
        let pace = Pace::new(10);
        assert!((0..20).all(|_| pace.pass().is_ok()));
        let wait = pace.pass().unwrap_err();
        assert!(wait <= Duration::from_millis(50), "{wait:?}");
        tokio::time::advance(wait + Duration::from_millis(1)).await;
        assert_eq!(pace.pass(), Ok(()));
    }
}
