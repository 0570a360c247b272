//! A length of time as an operator writes it: a whole number and `s`, `m`, `h` or `d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A length of time, at least a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Span(Duration);

impl Span {
    pub(crate) fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = &'static str;
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let seconds = seconds(raw).and_then(|seconds| u64::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| *seconds > 0);
        seconds
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or("write a whole number and s, m, h or d, like 90s, 5m, 24h or 7d")
    }
}

impl TryFrom<String> for Span {
    type Error = &'static str;
    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let fits = |(_, each): &&(char, u64)| seconds.is_multiple_of(*each);
        let (unit, each) = UNITS.iter().find(fits).unwrap_or(&('s', 1));
        write!(f, "{}{unit}", seconds / each)
    }
}

/// The seconds of a whole number and its unit; `None` when it is something else.
pub(crate) fn seconds(raw: &str) -> Option<i64> {
    let (unit_at, unit) = raw.char_indices().next_back()?;
    let number = raw.get(..unit_at)?;
    let (_, each) = UNITS.into_iter().find(|(known, _)| *known == unit)?;
    number
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| number.parse::<i64>().ok()?.checked_mul(i64::try_from(each).ok()?))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_unit_and_is_shown_in_the_greatest_that_fits() {
        for (raw, shown, secs) in
            [("90s", "90s", 90), ("300s", "5m", 300), ("24h", "1d", 86_400), ("7d", "7d", 604_800)]
        {
            let span: Span = raw.parse().unwrap();
            assert_eq!((span.duration().as_secs(), span.to_string().as_str()), (secs, shown));
        }
        for raw in ["", "5", "m", "0s", "-1m", "5 m", "1w", "99999999999999999d"] {
            assert!(raw.parse::<Span>().is_err(), "{raw}");
        }
    }
}
