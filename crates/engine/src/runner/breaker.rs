//! Notices that a network as a whole is down, so that its tickets wait instead of using up their attempts.
//!
//! Down means: it could not be reached at all, or command after command got no answer. While it is down one command at
//! a time is sent as a probe, at growing intervals; the first answer of any kind ends it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::driver::Outcome;

/// So many commands in a row without an answer mean that the network hangs, not that the commands are bad.
const SILENT_COMMANDS: u32 = 20;
const FIRST_PROBE: Duration = Duration::from_millis(200);
const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// What is believed of one network.
#[derive(Debug)]
pub(crate) struct Breaker {
    silent: u32,
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    probe_at: Timestamp,
    interval: Duration,
}

/// How many commands may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admits {
    /// As many as the limits allow.
    All,
    /// One, to see whether the network is back.
    Probe,
    /// None before this moment.
    NotBefore(Timestamp),
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self { silent: 0, down: None }
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down.is_some()
    }

    pub(crate) fn admits(&self, now: Timestamp) -> Admits {
        match &self.down {
            None => Admits::All,
            Some(down) if down.probe_at <= now => Admits::Probe,
            Some(down) => Admits::NotBefore(down.probe_at),
        }
    }

    /// Takes note of what came of a command. Answers whether this changed the belief.
    pub(crate) fn heard(&mut self, outcome: &Outcome, now: Timestamp) -> bool {
        let was_down = self.is_down();
        match outcome {
            Outcome::Done
            | Outcome::Refused { .. }
            | Outcome::Later { .. }
            | Outcome::Accepted { .. } => {
                self.silent = 0;
                self.down = None;
            }
            Outcome::Unavailable { .. } => self.go_down(now),
            Outcome::Unknown { .. } => {
                self.silent = self.silent.saturating_add(1);
                if was_down || self.silent >= SILENT_COMMANDS {
                    self.go_down(now);
                }
            }
        }
        was_down != self.is_down()
    }

    fn go_down(&mut self, now: Timestamp) {
        let interval = match &self.down {
            None => FIRST_PROBE,
            // Of many answers to commands that were under way together only the first counts.
            Some(down) if down.probe_at > now => return,
            Some(down) => (down.interval * 2).min(LONGEST_PROBE),
        };
        let wait = SignedDuration::try_from(interval).unwrap_or(SignedDuration::ZERO);
        let probe_at = now.saturating_add(wait).unwrap_or(now);
        self.down = Some(Down { probe_at, interval });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milli: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milli).unwrap()
    }

    fn away() -> Outcome {
        Outcome::Unavailable { reason: "connection refused".into() }
    }

    #[test]
    fn a_network_that_cannot_be_reached_is_probed_at_growing_intervals_until_it_answers() {
        let mut breaker = Breaker::new();
        assert!(breaker.heard(&away(), at(0)));
        assert_eq!(breaker.admits(at(100)), Admits::NotBefore(at(200)));
        assert_eq!(breaker.admits(at(200)), Admits::Probe);
        assert!(!breaker.heard(&away(), at(200)));
        assert_eq!(breaker.admits(at(300)), Admits::NotBefore(at(600)));
        for _ in 0..20 {
            breaker.heard(&away(), at(1_000_000));
        }
        assert_eq!(breaker.admits(at(1_000_000)), Admits::NotBefore(at(1_000_800)));
        assert!(breaker.heard(&Outcome::Done, at(2_000_000)));
        assert_eq!(breaker.admits(at(2_000_000)), Admits::All);
    }

    #[test]
    fn silence_means_down_only_when_nothing_else_is_heard() {
        let silence = Outcome::Unknown { reason: "no answer".into() };
        let mut breaker = Breaker::new();
        for _ in 0..1000 {
            for _ in 0..SILENT_COMMANDS - 1 {
                breaker.heard(&silence, at(0));
            }
            breaker.heard(&Outcome::Done, at(0));
        }
        assert!(!breaker.is_down());
        for _ in 0..SILENT_COMMANDS {
            breaker.heard(&silence, at(0));
        }
        assert!(breaker.is_down());
    }
}
