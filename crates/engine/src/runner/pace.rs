//! Keeps a network's rate limit: how many commands may be started now.

use jiff::Timestamp;

/// A bucket of permits that fills at the network's rate and holds a tenth of a second's worth, at least one.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: Option<u32>,
    level: f64,
    filled: Timestamp,
}

impl Pace {
    pub(crate) fn new(per_second: Option<u32>, now: Timestamp) -> Self {
        Self { per_second, level: 1.0, filled: now }
    }

    /// How many may be started now, at most `wanted`.
    pub(crate) fn allows(&mut self, wanted: usize, now: Timestamp) -> usize {
        let Some(rate) = self.per_second else {
            return wanted;
        };
        let rate = f64::from(rate);
        let passed = now.duration_since(self.filled).as_secs_f64().max(0.0);
        self.level = (self.level + passed * rate).min((rate / 10.0).max(1.0));
        self.filled = now;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative"
        )]
        let whole = self.level as usize;
        whole.min(wanted)
    }

    /// Takes the permits of commands that were started.
    pub(crate) fn took(&mut self, count: usize) {
        if self.per_second.is_some() {
            #[expect(clippy::cast_precision_loss, reason = "counts are at most a batch")]
            let count = count as f64;
            self.level -= count;
        }
    }

    /// Whether this network has a rate at all: without one nobody needs to wait for the bucket.
    pub(crate) fn is_limited(&self) -> bool {
        self.per_second.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_than_the_rate_and_a_burst_of_a_tenth() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let mut pace = Pace::new(Some(50), start);
        let mut started = 0;
        for milli in 0..1000 {
            let now = start + jiff::SignedDuration::from_millis(milli);
            let now_started = pace.allows(1000, now);
            pace.took(now_started);
            started += now_started;
        }
        assert!((49..=56).contains(&started), "{started}");
    }

    #[test]
    fn a_network_without_a_rate_is_not_held_up() {
        let mut pace = Pace::new(None, Timestamp::UNIX_EPOCH);
        pace.took(1000);
        assert_eq!(pace.allows(1000, Timestamp::UNIX_EPOCH), 1000);
    }
}
