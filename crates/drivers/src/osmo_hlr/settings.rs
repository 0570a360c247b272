//! The settings of an osmo-hlr, read from its `[[network]]` table.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use provisor_domain::limits::COMMAND_SECONDS_MAX;
use serde_json::{Map, Value};

use crate::table::Table;

/// Most commands that may be under way at once, whatever the table says.
pub const IN_FLIGHT_MAX: u64 = 1_000;
/// Highest limit of commands a second.
pub const RATE_PER_SECOND_MAX: u64 = 100_000;

const KEYS: [&str; 9] = [
    "address",
    "ctrl_port",
    "vty_port",
    "gsup_port",
    "trusted_network",
    "detach",
    "in_flight",
    "rate_per_second",
    "deadline_ms",
];

/// How an osmo-hlr is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the HLR listens.
    pub address: IpAddr,
    /// The port of its control interface.
    pub ctrl_port: u16,
    /// The port of its console.
    pub vty_port: u16,
    /// The port that serving nodes connect to.
    pub gsup_port: u16,
    /// What happens to the devices of a SIM that is suspended or goes.
    pub detach: Detach,
    /// Most commands under way at once.
    pub in_flight: usize,
    /// Most commands a second; `None` for no limit.
    pub rate_per_second: Option<u32>,
    /// The deadline of one command.
    pub deadline: Duration,
}

/// What happens to the devices of a SIM that is suspended or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detach {
    /// They are barred: whoever is attached stays so until the serving node asks the HLR again.
    None,
    /// The serving nodes that the HLR knows of are told to detach them.
    Gsup,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ctrl_port: 4259,
            vty_port: 4258,
            gsup_port: 4222,
            detach: Detach::None,
            in_flight: 64,
            rate_per_second: None,
            deadline: Duration::from_secs(COMMAND_SECONDS_MAX),
        }
    }
}

impl Settings {
    /// Reads a table. The error is one line: which key, what is valid, what was found.
    pub fn from_json(map: &Map<String, Value>) -> Result<Self, String> {
        let table = Table::new(String::new(), map, &KEYS)?;
        let default = Self::default();
        let port = |key, default| {
            let port = table.whole(key, 1..=u64::from(u16::MAX))?;
            Ok::<_, String>(port.and_then(|port| u16::try_from(port).ok()).unwrap_or(default))
        };
        let mut settings = Self {
            address: address(&table)?.unwrap_or(default.address),
            ctrl_port: port("ctrl_port", default.ctrl_port)?,
            vty_port: port("vty_port", default.vty_port)?,
            gsup_port: port("gsup_port", default.gsup_port)?,
            detach: detach(&table)?,
            ..default
        };
        if let Some(in_flight) = table.whole("in_flight", 1..=IN_FLIGHT_MAX)? {
            settings.in_flight = usize::try_from(in_flight).unwrap_or(usize::MAX);
        }
        let rate = table.whole("rate_per_second", 1..=RATE_PER_SECOND_MAX)?;
        settings.rate_per_second = rate.and_then(|rate| u32::try_from(rate).ok());
        if let Some(millis) = table.whole("deadline_ms", 1..=COMMAND_SECONDS_MAX * 1_000)? {
            settings.deadline = Duration::from_millis(millis);
        }
        Ok(settings)
    }
}

/// Keys of SIMs go there as they are, and whoever can listen there may do anything with the HLR.
fn address(table: &Table<'_>) -> Result<Option<IpAddr>, String> {
    let trusted = match table.map.get("trusted_network") {
        None => false,
        Some(Value::Bool(trusted)) => *trusted,
        Some(other) => return Err(table.bad("trusted_network", "true or false", other)),
    };
    let Some(value) = table.map.get("address") else { return Ok(None) };
    let valid = "the HLR's IP address; its interfaces have neither log-in nor encryption, so one that is not of this \
                 machine needs `trusted_network = true`";
    let address = value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
    let fits = address.filter(|address| trusted || address.is_loopback());
    fits.map(Some).ok_or_else(|| table.bad("address", valid, value))
}

fn detach(table: &Table<'_>) -> Result<Detach, String> {
    match table.map.get("detach") {
        None => Ok(Detach::None),
        Some(value) => match value.as_str() {
            Some("none") => Ok(Detach::None),
            Some("gsup") => Ok(Detach::Gsup),
            _ => Err(table.bad("detach", "\"none\" or \"gsup\"", value)),
        },
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
        let all = json!({
            "address": "192.0.2.7", "trusted_network": true, "ctrl_port": 1, "vty_port": 2, "gsup_port": 3,
            "detach": "gsup", "in_flight": 7, "rate_per_second": 80, "deadline_ms": 250,
        });
        assert_eq!(all.as_object().unwrap().len(), KEYS.len());
        let wanted = Settings {
            address: "192.0.2.7".parse().unwrap(),
            ctrl_port: 1,
            vty_port: 2,
            gsup_port: 3,
            detach: Detach::Gsup,
            in_flight: 7,
            rate_per_second: Some(80),
            deadline: Duration::from_millis(250),
        };
        assert_eq!(parse(&all), Ok(wanted));
    }

    #[test]
    fn a_bad_setting_is_named_together_with_what_would_be_right() {
        let cases = [
            (json!({"host": "x"}), "unknown setting `host`; the known ones are: address"),
            (json!({"address": "192.0.2.7"}), "needs `trusted_network = true`, not \"192.0.2.7\""),
            (json!({"address": "hlr.example"}), "`address` must be the HLR's IP address"),
            (json!({"trusted_network": 1}), "`trusted_network` must be true or false"),
            (json!({"ctrl_port": 0}), "`ctrl_port` must be a whole number from 1 to 65535, not 0"),
            (json!({"detach": true}), "`detach` must be \"none\" or \"gsup\", not true"),
            (json!({"in_flight": 0}), "`in_flight` must be a whole number from 1 to 1000, not 0"),
            (json!({"rate_per_second": 0}), "`rate_per_second` must be"),
            (json!({"deadline_ms": 5001}), "`deadline_ms` must be a whole number from 1 to 5000"),
        ];
        for (table, message) in cases {
            let error = parse(&table).unwrap_err();
            assert!(error.contains(message), "{table}: {error}");
        }
    }
}
