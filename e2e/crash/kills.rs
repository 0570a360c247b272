//! Where the servers died, counted exactly.

use std::collections::BTreeMap;
use std::fmt;

use super::load::Death;

/// Of each series of points, how many servers died where.
#[derive(Debug, Default)]
pub(super) struct Kills {
    series: BTreeMap<&'static str, Count>,
}

#[derive(Debug, Default)]
struct Count {
    under_load: usize,
    at_start: usize,
    not_reached: usize,
}

impl Kills {
    pub(super) fn count(&mut self, series: &'static str, death: Death) {
        let count = self.series.entry(series).or_default();
        match death {
            Death::UnderLoad => count.under_load += 1,
            Death::AtStart => count.at_start += 1,
            Death::NotReached => count.not_reached += 1,
        }
    }

    /// Those at their point and under load: only these are kills in the sense of `PROVISOR_CRASH_POINTS`.
    pub(super) fn under_load(&self) -> usize {
        self.series.values().map(|count| count.under_load).sum()
    }

    /// Asserts that each series reaches its points: the filter of one that does not has gone wrong.
    pub(super) fn reach_their_points(&self) {
        for (series, count) in &self.series {
            let reached = count.under_load + count.at_start;
            assert!(count.not_reached <= 1 + reached / 10, "{series} misses its points: {self}");
        }
    }
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kills at their point under load", self.under_load())?;
        for (series, Count { under_load, at_start, not_reached }) in &self.series {
            write!(f, "; {series}: {under_load}")?;
            write!(f, " (and {at_start} before the first answer, {not_reached} not reached)")?;
        }
        Ok(())
    }
}
