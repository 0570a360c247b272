//! Callers who are told to come back, though nobody ordered it: why, in figures and in the log.
//!
//! Invariant: a cause is counted every time and logged the first time in each second, so that an overload is not made worse by
//! telling of it, and no cause hides behind another one.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use provisor_domain::store::StoreError;

use super::Kit;
use super::request_id::RequestId;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Too many requests are being worked on.
    Requests,
    /// The request took too long.
    Deadline,
    /// Too many passwords wait to be checked.
    SignIn,
    /// Too much waits to be written.
    Queue,
    /// The database cannot be used now.
    Database,
    /// The connection to the database broke during a commit: it happened or it did not.
    Undecided,
    /// The network's driver is not there (yet).
    Driver,
}

impl Cause {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 7] = [
        Self::Requests,
        Self::Deadline,
        Self::SignIn,
        Self::Queue,
        Self::Database,
        Self::Undecided,
        Self::Driver,
    ];

    /// The word in figures and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Deadline => "deadline",
            Self::SignIn => "sign_in",
            Self::Queue => "queue",
            Self::Database => "database",
            Self::Undecided => "undecided",
            Self::Driver => "driver",
        }
    }
}

impl From<&StoreError> for Cause {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::Queue,
            StoreError::Undecided(_) => Self::Undecided,
            // The last two are faults, of which no caller is told to come back.
            StoreError::Unavailable(_) | StoreError::Conflict(_) | StoreError::Broken(_) => {
                Self::Database
            }
        }
    }
}

impl Kit {
    /// Notes that a caller is told to come back.
    pub(crate) fn busy(
        &self,
        route: &'static str,
        id: &RequestId,
        cause: Cause,
        error: &dyn Display,
    ) {
        self.metrics.come_back[cause as usize].inc();
        if self.busy_log[cause as usize].now() {
            let cause = cause.as_str();
            tracing::warn!(route, request.id = %id, cause, %error, "told a caller to come back");
        }
    }
}

/// Says yes at most once a second.
#[derive(Debug)]
pub(super) struct OncePerSecond {
    start: Instant,
    next: AtomicU64,
}

impl Default for OncePerSecond {
    fn default() -> Self {
        Self { start: Instant::now(), next: AtomicU64::new(0) }
    }
}

impl OncePerSecond {
    fn now(&self) -> bool {
        let second = self.start.elapsed().as_secs();
        let next = self.next.load(Ordering::Relaxed);
        let order = Ordering::Relaxed;
        second >= next && self.next.compare_exchange(next, second + 1, order, order).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_in_order_and_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = Cause::ALL.map(Cause::as_str).into();
        assert_eq!(names.len(), Cause::ALL.len());
        for (at, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, at, "{cause:?}");
        }
    }

    #[test]
    fn once_per_second_is_once_in_a_row() {
        let once = OncePerSecond::default();
        assert!(once.now());
        // All of these cannot take a second; if they did, one more would be allowed.
        let more = (0..1_000).filter(|_| once.now()).count();
        assert!(more <= 1, "{more}");
    }
}
