//! Chance that can be repeated: every draw comes from the seed and from what it is drawn for, never from the machine.

use std::time::Duration;

use provisor_domain::driver::Command;
use provisor_domain::mail::{Fence, MailCommand};

use super::settings::{Failures, Latency};

/// A sequence of pseudo-random numbers (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

/// What goes wrong with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is changed, worth another attempt.
    Transient,
    /// Nothing is changed, ever.
    Permanent,
    /// Nothing is changed, no answer.
    Timeout,
    /// Changed, but the answer does not tell.
    DoneButNotReported,
}

/// The 99 % quantile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874;
/// A latency is never longer than this many times its p99: the tail of a log-normal has no end.
const LATENCY_TAIL_MAX: f64 = 4.0;

impl Chance {
    /// The sequence of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of one command: the same for the same seed, ticket, epoch and SIMs.
    pub(super) fn of_command(seed: u64, command: &Command) -> Self {
        let once = command.once;
        let mut chance = Self(seed);
        chance.stir(once.ticket.number().cast_unsigned());
        chance.stir(once.epoch.cast_unsigned());
        for want in &command.wants {
            chance.stir_text(want.iccid.as_str());
        }
        chance
    }

    /// The sequence of one command for a mail system: the same for the same seed, fence and customer.
    pub(super) fn of_mail(seed: u64, command: &MailCommand) -> Self {
        let mut chance = Self(seed);
        let Fence { generation, version, ticket, epoch } = command.fence;
        for part in [generation, version, ticket, epoch] {
            chance.stir(part.cast_unsigned());
        }
        chance.stir_text(command.customer.tenant.as_str());
        chance.stir_text(command.customer.customer.as_str());
        chance
    }

    /// The sequence of the `count`th question about a SIM.
    pub(super) fn of_question(seed: u64, iccid: &str, count: u64) -> Self {
        let mut chance = Self(seed);
        chance.stir(count);
        chance.stir_text(iccid);
        chance
    }

    fn stir(&mut self, value: u64) {
        self.0 ^= value;
        self.0 = self.next();
    }

    fn stir_text(&mut self, text: &str) {
        for part in text.as_bytes().chunks(8) {
            let mut bytes = [0; 8];
            bytes[..part.len()].copy_from_slice(part);
            self.stir(u64::from_le_bytes(bytes));
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 (included) to 1 (not included).
    pub(crate) fn share(&mut self) -> f64 {
        let bytes = self.next().to_le_bytes();
        f64::from(u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])) / 4_294_967_296.0
    }

    /// A number below `bound`, which must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// What goes wrong this time, if anything.
    pub(super) fn fault(&mut self, failures: &Failures) -> Option<Fault> {
        let kinds = [
            (failures.transient, Fault::Transient),
            (failures.permanent, Fault::Permanent),
            (failures.timeout, Fault::Timeout),
            (failures.done_but_not_reported, Fault::DoneButNotReported),
        ];
        let mut left = self.share();
        for (share, fault) in kinds {
            if left < share {
                return Some(fault);
            }
            left -= share;
        }
        None
    }

    /// How long it takes this time.
    pub(super) fn latency(&mut self, latency: &Latency) -> Duration {
        let Latency { p50, p99 } = *latency;
        if p50 <= 0.0 {
            return Duration::ZERO;
        }
        // Box and Muller's way from two even draws to a normal one; 1 - share is never 0.
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.share()).cos();
        let sigma = (p99 / p50).ln() / NORMAL_P99;
        let millis = (p50 * (sigma * normal).exp()).min(p99 * LATENCY_TAIL_MAX);
        Duration::from_secs_f64(millis / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_normal_latency_has_the_quantiles_it_was_given() {
        let latency = Latency { p50: 20.0, p99: 200.0 };
        let mut chance = Chance::new(1);
        let mut drawn: Vec<Duration> = (0..10_000).map(|_| chance.latency(&latency)).collect();
        drawn.sort_unstable();
        let near = |found: Duration, wanted: f64| {
            (found.as_secs_f64() * 1_000.0 / wanted - 1.0).abs() < 0.15
        };
        assert!(near(drawn[5_000], 20.0), "p50 {:?}", drawn[5_000]);
        assert!(near(drawn[9_900], 200.0), "p99 {:?}", drawn[9_900]);
        assert!(drawn[9_999] <= Duration::from_millis(800));
    }

    #[test]
    fn faults_come_as_often_as_they_should() {
        let failures =
            Failures { transient: 0.1, done_but_not_reported: 0.2, ..Failures::default() };
        let mut chance = Chance::new(2);
        let drawn: Vec<_> = (0..10_000).map(|_| chance.fault(&failures)).collect();
        let count = |fault| drawn.iter().filter(|drawn| **drawn == fault).count();
        assert!((900..1_100).contains(&count(Some(Fault::Transient))));
        assert!((1_850..2_150).contains(&count(Some(Fault::DoneButNotReported))));
        assert_eq!(count(Some(Fault::Permanent)) + count(Some(Fault::Timeout)), 0);
        assert!(count(None) > 6_700);
    }

    #[test]
    fn certain_faults_always_come() {
        let failures = Failures { timeout: 1.0, ..Failures::default() };
        let mut chance = Chance::new(3);
        assert!((0..1_000).all(|_| chance.fault(&failures) == Some(Fault::Timeout)));
    }
}
