//! Moments, and how long ago they were: by whichever of the machine's two clocks has gone on further since.
//!
//! The monotonic clock cannot be set, but stands still while the machine does (suspended, a virtual one that is paused). The
//! wall clock has gone on when the machine does, but can be set. What must not be relied on for too long is measured by
//! both: a clock that is set forward only ends it sooner.

use std::time::Duration;

use jiff::Timestamp;
use provisor_domain::clock::Clock;
use tokio::time::Instant;

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    monotonic: Instant,
    wall: Timestamp,
}

impl Moment {
    /// The present one.
    pub(crate) fn now(clock: &dyn Clock) -> Self {
        Self { monotonic: Instant::now(), wall: clock.now() }
    }

    /// What the wall clock showed.
    pub(crate) fn wall(self) -> Timestamp {
        self.wall
    }

    /// How long this is after `earlier`; nothing when it is before.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let monotonic = self.monotonic.saturating_duration_since(earlier.monotonic);
        let wall = Duration::try_from(self.wall.duration_since(earlier.wall)).unwrap_or_default();
        monotonic.max(wall)
    }

    /// How long ago it is.
    pub(crate) fn elapsed(self, clock: &dyn Clock) -> Duration {
        Self::now(clock).since(self)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A wall clock that a test sets; the monotonic one is tokio's.
    #[derive(Debug, Default)]
    pub(crate) struct Wall(AtomicI64);

    impl Wall {
        pub(crate) fn set(&self, millis: i64) {
            self.0.store(millis, Ordering::SeqCst);
        }
    }

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_that_has_gone_on_further_counts() {
        let clock = Wall::default();
        let began = Moment::now(&clock);
        assert_eq!(began.elapsed(&clock), Duration::ZERO);
        // The machine stood still.
        clock.set(5_000);
        assert_eq!(began.elapsed(&clock), Duration::from_secs(5));
        // The wall clock is set back.
        clock.set(-60_000);
        assert_eq!(began.elapsed(&clock), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(began.elapsed(&clock), Duration::from_secs(2));
        clock.set(1_000);
        assert_eq!(began.elapsed(&clock), Duration::from_secs(2));
        let now = Moment::now(&clock);
        assert_eq!(now.since(began), Duration::from_secs(2));
        assert_eq!(began.since(now), Duration::ZERO);
    }
}
