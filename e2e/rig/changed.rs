//! What an operator's command changes must be seen by running servers within a second (contract, section 4).

use std::time::{Duration, Instant};

use super::wait::{PAUSE, eventually};

/// How soon it is seen.
const SEEN_WITHIN: Duration = Duration::from_secs(1);

/// What was changed just now, and how long ago.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed(Instant);

impl Changed {
    /// The change was acknowledged.
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// Waits until whoever asks from here on must see it.
    pub(crate) fn must_be_seen(self) {
        eventually("a second to pass", || (self.0.elapsed() > SEEN_WITHIN).then_some(()));
    }

    /// What `ask` answers once it answers something. The first one that is asked more than a second after the change must,
    /// however long its answer takes: that is an order of events, and holds on a machine of any speed.
    #[track_caller]
    pub(crate) fn seen<T>(self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        loop {
            let late = self.0.elapsed() > SEEN_WITHIN;
            if let Some(found) = ask() {
                return found;
            }
            assert!(!late, "asked later than {SEEN_WITHIN:?} in vain for {what}");
            std::thread::park_timeout(PAUSE);
        }
    }
}
