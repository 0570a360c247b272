//! The settings of a simulated network, read from its `[[network]]` table.
//!
//! Invariant: a [`Settings`] that came from [`Settings::from_json`] is one that the simulator can keep; every refusal
//! names the key, says what is valid and shows what was found.

use std::path::PathBuf;
use std::time::Duration;

use provisor_domain::limits::COMMAND_SECONDS_MAX;
use serde_json::{Map, Value};

use crate::table::Table;

/// Most commands that may be under way at once, whatever the table says.
pub const IN_FLIGHT_MAX: u64 = 10_000;
/// Highest limit of commands a second.
pub const RATE_PER_SECOND_MAX: u64 = 1_000_000;
/// Longest configured latency, in milliseconds.
pub const LATENCY_MILLIS_MAX: u64 = 60_000;
/// Longest period of an outage, in seconds (a week).
pub const OUTAGE_SECONDS_MAX: u64 = 7 * 24 * 3_600;

const KEYS: [&str; 10] = [
    "file",
    "seed",
    "latency_ms",
    "in_flight",
    "rate_per_second",
    "failures",
    "outages",
    "outage_file",
    "deadline_ms",
    "log",
];

/// How a simulated network behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where the network keeps its state. Used by [`crate::build`] only.
    pub file: Option<PathBuf>,
    /// What every fault and every latency is drawn from.
    pub seed: u64,
    /// How long a command takes.
    pub latency: Latency,
    /// Most commands under way at once.
    pub in_flight: usize,
    /// Most commands a second; `None` for no limit.
    pub rate_per_second: Option<u32>,
    /// How often what goes wrong.
    pub failures: Failures,
    /// When the network is down by itself.
    pub outages: Vec<Outage>,
    /// While this file exists, the network is down.
    pub outage_file: Option<PathBuf>,
    /// The deadline of one command.
    pub deadline: Duration,
    /// Whether every command is written down.
    pub log: bool,
}

/// A log-normal distribution, given by two of its quantiles in milliseconds. Equal quantiles: always that long.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Latency {
    /// Half of the commands take at most this long.
    pub p50: f64,
    /// All but one in a hundred take at most this long.
    pub p99: f64,
}

/// Probabilities, each 0 to 1, together at most 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Failures {
    /// Nothing is changed; worth another attempt.
    pub transient: f64,
    /// Nothing is changed, and the network says it never will be.
    pub permanent: f64,
    /// Nothing is changed, and no answer ever comes.
    pub timeout: f64,
    /// The change is made, but the answer does not tell.
    pub done_but_not_reported: f64,
}

/// A recurring outage: the network is down in the last `down` of every `every`, counted from its opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// The period.
    pub every: Duration,
    /// How much of it the network is down.
    pub down: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            file: None,
            seed: 0,
            latency: Latency::default(),
            in_flight: 1_000,
            rate_per_second: None,
            failures: Failures::default(),
            outages: Vec::new(),
            outage_file: None,
            deadline: Duration::from_secs(COMMAND_SECONDS_MAX),
            log: false,
        }
    }
}

impl Settings {
    /// Reads a table. The error is one line: which key, what is valid, what was found.
    pub fn from_json(map: &Map<String, Value>) -> Result<Self, String> {
        Self::read(map, &KEYS)
    }

    /// Reads the table of a simulated mail network: the same without `log`.
    pub fn of_mail(map: &Map<String, Value>) -> Result<Self, String> {
        Self::read(map, KEYS.strip_suffix(&["log"]).unwrap_or(&KEYS))
    }

    fn read(map: &Map<String, Value>, known: &[&str]) -> Result<Self, String> {
        let table = Table::new(String::new(), map, known)?;
        let mut settings = Self {
            file: table.path("file")?,
            outage_file: table.path("outage_file")?,
            latency: latency(&table)?,
            failures: failures(&table)?,
            outages: outages(&table)?,
            ..Self::default()
        };
        if let Some(seed) = table.whole("seed", 0..=u64::MAX)? {
            settings.seed = seed;
        }
        if let Some(in_flight) = table.whole("in_flight", 1..=IN_FLIGHT_MAX)? {
            settings.in_flight = usize::try_from(in_flight).unwrap_or(usize::MAX);
        }
        let rate = table.whole("rate_per_second", 1..=RATE_PER_SECOND_MAX)?;
        settings.rate_per_second = rate.and_then(|rate| u32::try_from(rate).ok());
        if let Some(millis) = table.whole("deadline_ms", 1..=COMMAND_SECONDS_MAX * 1_000)? {
            settings.deadline = Duration::from_millis(millis);
        }
        settings.log = table.flag("log")?.unwrap_or(settings.log);
        Ok(settings)
    }
}

fn latency(table: &Table<'_>) -> Result<Latency, String> {
    let millis = 0..=LATENCY_MILLIS_MAX;
    let Some(value) = table.map.get("latency_ms") else { return Ok(Latency::default()) };
    if let Value::Number(_) = value {
        let constant = table.number("latency_ms", millis)?.unwrap_or_default();
        return Ok(Latency { p50: constant, p99: constant });
    }
    let valid = "a number of milliseconds or a table { p50 = .., p99 = .. }";
    let map = value.as_object().ok_or_else(|| table.bad("latency_ms", valid, value))?;
    let inner = Table::new("latency_ms.".into(), map, &["p50", "p99"])?;
    match (inner.number("p50", millis.clone())?, inner.number("p99", millis)?) {
        (Some(p50), Some(p99)) if p50 <= p99 && (p50 > 0.0 || p99 <= 0.0) => {
            Ok(Latency { p50, p99 })
        }
        (Some(_), Some(_)) => Err(table.bad("latency_ms", "such that 0 < p50 <= p99", value)),
        _ => Err(table.bad("latency_ms", valid, value)),
    }
}

fn failures(table: &Table<'_>) -> Result<Failures, String> {
    let Some(value) = table.map.get("failures") else { return Ok(Failures::default()) };
    let valid = "a table of probabilities, like { transient = 0.01 }";
    let map = value.as_object().ok_or_else(|| table.bad("failures", valid, value))?;
    let kinds = ["transient", "permanent", "timeout", "done_but_not_reported"];
    let inner = Table::new("failures.".into(), map, &kinds)?;
    let share = |kind| inner.number(kind, 0..=1).map(Option::unwrap_or_default);
    let failures = Failures {
        transient: share("transient")?,
        permanent: share("permanent")?,
        timeout: share("timeout")?,
        done_but_not_reported: share("done_but_not_reported")?,
    };
    let Failures { transient, permanent, timeout, done_but_not_reported } = failures;
    // A hair above 1, because 0.7 + 0.2 + 0.1 is not 1 in binary.
    if transient + permanent + timeout + done_but_not_reported > 1.0 + 1e-9 {
        return Err(table.bad("failures", "probabilities that add up to at most 1", value));
    }
    Ok(failures)
}

fn outages(table: &Table<'_>) -> Result<Vec<Outage>, String> {
    let valid = "a list of tables, like [{ every_s = 600, for_s = 5 }]";
    let Some(value) = table.map.get("outages") else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| table.bad("outages", valid, value))?;
    let mut outages = Vec::new();
    for (at, entry) in list.iter().enumerate() {
        let map = entry.as_object().ok_or_else(|| table.bad("outages", valid, value))?;
        let inner = Table::new(format!("outages[{at}]."), map, &["every_s", "for_s"])?;
        let seconds = 0..=OUTAGE_SECONDS_MAX;
        match (inner.number("every_s", seconds.clone())?, inner.number("for_s", seconds)?) {
            (Some(every), Some(down)) if down > 0.0 && down < every => outages.push(Outage {
                every: Duration::from_secs_f64(every),
                down: Duration::from_secs_f64(down),
            }),
            (Some(_), Some(_)) => {
                return Err(table.bad("outages", "such that 0 < for_s < every_s", entry));
            }
            _ => return Err(table.bad("outages", valid, value)),
        }
    }
    Ok(outages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: &Value) -> Result<Settings, String> {
        Settings::from_json(value.as_object().unwrap())
    }

    #[test]
    fn an_empty_table_is_a_network_without_latency_and_faults() {
        assert_eq!(parse(&json!({})), Ok(Settings::default()));
    }

    #[test]
    fn every_setting_is_read() {
        let all = json!({
            "file": "as.db", "seed": 7, "latency_ms": {"p50": 5, "p99": 40.5}, "in_flight": 10,
            "rate_per_second": 200, "outage_file": "/tmp/down", "deadline_ms": 50, "log": true,
            "failures": {"transient": 0.7, "permanent": 0.2, "timeout": 0.1, "done_but_not_reported": 0},
            "outages": [{"every_s": 600, "for_s": 0.5}],
        });
        assert_eq!(all.as_object().unwrap().len(), KEYS.len());
        let wanted = Settings {
            file: Some("as.db".into()),
            seed: 7,
            latency: Latency { p50: 5.0, p99: 40.5 },
            in_flight: 10,
            rate_per_second: Some(200),
            failures: Failures {
                transient: 0.7,
                permanent: 0.2,
                timeout: 0.1,
                done_but_not_reported: 0.0,
            },
            outages: vec![Outage {
                every: Duration::from_mins(10),
                down: Duration::from_millis(500),
            }],
            outage_file: Some("/tmp/down".into()),
            deadline: Duration::from_millis(50),
            log: true,
        };
        assert_eq!(parse(&all), Ok(wanted));
    }

    #[test]
    fn a_single_number_is_a_constant_latency() {
        let settings = parse(&json!({"latency_ms": 12})).unwrap();
        assert_eq!(settings.latency, Latency { p50: 12.0, p99: 12.0 });
    }

    #[test]
    fn a_bad_setting_is_named_together_with_what_would_be_right() {
        let cases = [
            (
                json!({"latencyms": 5}),
                "unknown setting `latencyms`; the known ones are: file, seed, latency_ms",
            ),
            (
                json!({"failures": {"transiet": 0.1}}),
                "`failures.transiet`; the known ones are: transient",
            ),
            (json!({"in_flight": 0}), "`in_flight` must be a whole number from 1 to 10000, not 0"),
            (json!({"in_flight": 1.5}), "not 1.5"),
            (json!({"in_flight": "5"}), "not \"5\""),
            (json!({"seed": -1}), "`seed` must be a whole number from 0 to"),
            (json!({"rate_per_second": 0}), "`rate_per_second` must be"),
            (
                json!({"deadline_ms": 5001}),
                "`deadline_ms` must be a whole number from 1 to 5000, not 5001",
            ),
            (json!({"latency_ms": -1}), "`latency_ms` must be a number from 0 to 60000, not -1"),
            (
                json!({"latency_ms": "5"}),
                "`latency_ms` must be a number of milliseconds or a table",
            ),
            (json!({"latency_ms": {"p50": 9, "p99": 5}}), "such that 0 < p50 <= p99"),
            (json!({"latency_ms": {"p50": 0, "p99": 5}}), "such that 0 < p50 <= p99"),
            (json!({"latency_ms": {"p50": 5}}), "{ p50 = .., p99 = .. }"),
            (json!({"failures": 0.1}), "`failures` must be a table"),
            (
                json!({"failures": {"timeout": 1.1}}),
                "`failures.timeout` must be a number from 0 to 1, not 1.1",
            ),
            (json!({"failures": {"timeout": 0.6, "transient": 0.6}}), "add up to at most 1"),
            (json!({"outages": {"every_s": 1}}), "`outages` must be a list"),
            (json!({"outages": [{"every_s": 5, "for_s": 5}]}), "such that 0 < for_s < every_s"),
            (
                json!({"outages": [{"every": 5, "for_s": 5}]}),
                "`outages[0].every`; the known ones are: every_s",
            ),
            (json!({"outage_file": ""}), "`outage_file` must be a file's path"),
            (json!({"file": 5}), "`file` must be a file's path, not 5"),
            (json!({"log": "yes"}), "`log` must be true or false"),
        ];
        for (table, message) in cases {
            let error = parse(&table).unwrap_err();
            assert!(error.contains(message), "{table}: {error}");
        }
    }
}
