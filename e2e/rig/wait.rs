//! Waiting for a condition: asked again and again until it holds, and a clear failure when it never does.

use std::time::{Duration, Instant};

/// How long a condition may take before a test gives up on it. Generous: a loaded machine is not a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two questions, so that the process under test gets the processor. Not a sleep that a test relies on: it only
/// sets how often a condition is asked.
pub(crate) const PAUSE: Duration = Duration::from_millis(4);

/// What `ask` answers as soon as it answers something. `what` completes the sentence "waited in vain for …".
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask)
}

/// Like [`eventually`], for conditions whose time is part of the contract.
pub(crate) fn eventually_within<T>(
    patience: Duration,
    what: &str,
    ask: impl FnMut() -> Option<T>,
) -> T {
    within(patience, ask).unwrap_or_else(|| panic!("waited {patience:?} in vain for {what}"))
}

/// The same for a test that has more to say about what it waited for in vain.
pub(crate) fn within<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let found = ask();
        if found.is_some() || began.elapsed() >= patience {
            return found;
        }
        std::thread::park_timeout(PAUSE);
    }
}
