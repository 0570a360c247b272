//! The settings of a mail network, read from its `[[network]]` table.

use std::path::PathBuf;
use std::time::Duration;

use provisor_domain::limits::COMMAND_SECONDS_MAX;
use serde_json::{Map, Value};

use crate::table::Table;

/// Most commands that may be under way at once, whatever the table says.
pub const IN_FLIGHT_MAX: u64 = 10_000;

const KEYS: [&str; 3] = ["file", "in_flight", "deadline_ms"];

/// How a mail network is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The lookup file. Used by [`crate::build`] only.
    pub file: Option<PathBuf>,
    /// Most commands under way at once. Commands that wait together share one write to the disk.
    pub in_flight: usize,
    /// The deadline of one command.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let deadline = Duration::from_secs(COMMAND_SECONDS_MAX);
        Self { file: None, in_flight: 256, deadline }
    }
}

impl Settings {
    /// Reads a table. The error is one line: which key, what is valid, what was found.
    pub fn from_json(map: &Map<String, Value>) -> Result<Self, String> {
        let table = Table::new(String::new(), map, &KEYS)?;
        let mut settings = Self { file: table.path("file")?, ..Self::default() };
        if let Some(in_flight) = table.whole("in_flight", 1..=IN_FLIGHT_MAX)? {
            settings.in_flight = usize::try_from(in_flight).unwrap_or(usize::MAX);
        }
        if let Some(millis) = table.whole("deadline_ms", 1..=COMMAND_SECONDS_MAX * 1_000)? {
            settings.deadline = Duration::from_millis(millis);
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: &Value) -> Result<Settings, String> {
        Settings::from_json(value.as_object().unwrap())
    }

    #[test]
    fn every_setting_is_read() {
        assert_eq!(parse(&json!({})), Ok(Settings::default()));
        let all = json!({ "file": "/srv/mail/mail.db", "in_flight": 7, "deadline_ms": 250 });
        assert_eq!(all.as_object().unwrap().len(), KEYS.len());
        let wanted = Settings {
            file: Some("/srv/mail/mail.db".into()),
            in_flight: 7,
            deadline: Duration::from_millis(250),
        };
        assert_eq!(parse(&all), Ok(wanted));
    }

    #[test]
    fn a_bad_setting_is_named_together_with_what_would_be_right() {
        let cases = [
            (json!({"seed": 5}), "unknown setting `seed`; the known ones are: file, in_flight"),
            (json!({"in_flight": 0}), "`in_flight` must be a whole number from 1 to 10000, not 0"),
            (json!({"deadline_ms": 5001}), "`deadline_ms` must be a whole number from 1 to 5000"),
            (json!({"file": ""}), "`file` must be a file's path"),
        ];
        for (table, message) in cases {
            let error = parse(&table).unwrap_err();
            assert!(error.contains(message), "{table}: {error}");
        }
    }
}
