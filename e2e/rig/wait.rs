//! Waiting for a condition: asked again and again until it holds, and a clear failure when it never does.

use std::time::{Duration, Instant};

/// How long a condition may take before a test gives up on it. Generous: a loaded machine is not a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two questions, so that the process under test gets the processor. Not a sleep that a test relies on: it only
/// sets how often a condition is asked.
const PAUSE: Duration = Duration::from_millis(4);

/// What `ask` answers as soon as it answers something. `what` completes the sentence "waited in vain for …".
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask)
}

/// Like [`eventually`], for conditions whose time is part of the contract.
pub(crate) fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(began.elapsed() < patience, "waited {patience:?} in vain for {what}");
        std::thread::park_timeout(PAUSE);
    }
}

/// How soon a running server sees what an operator's command changed (contract, section 4).
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
