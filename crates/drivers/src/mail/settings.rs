//! The settings of a mail network, read from its `[[network]]` table.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use provisor_domain::limits::COMMAND_SECONDS_MAX;
use serde_json::{Map, Value};

use crate::table::Table;

/// Most commands that may be under way at once, whatever the table says.
pub const IN_FLIGHT_MAX: u64 = 10_000;

const KEYS: [&str; 4] = ["file", "in_flight", "deadline_ms", "doveadm"];

/// How a mail network is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The lookup file. Used by [`crate::build`] only.
    pub file: Option<PathBuf>,
    /// Most commands under way at once. Commands that wait together share one write to the disk.
    pub in_flight: usize,
    /// The deadline of one command.
    pub deadline: Duration,
    /// Where Dovecot ends open sessions; `None`: nobody ends them.
    pub doveadm: Option<Doveadm>,
}

/// Dovecot's doveadm over HTTP, on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doveadm {
    /// Where it listens: an address of this machine that no other one reaches.
    pub address: SocketAddr,
    /// The path of its interface.
    pub path: String,
    /// What the file has in it is the key, end of line included, as with Dovecot's `doveadm_api_key = <FILE`.
    pub key_file: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        let deadline = Duration::from_secs(COMMAND_SECONDS_MAX);
        Self { file: None, in_flight: 256, deadline, doveadm: None }
    }
}

impl Settings {
    /// Reads a table. The error is one line: which key, what is valid, what was found.
    pub fn from_json(map: &Map<String, Value>) -> Result<Self, String> {
        let table = Table::new(String::new(), map, &KEYS)?;
        let mut settings =
            Self { file: table.path("file")?, doveadm: doveadm(&table)?, ..Self::default() };
        if let Some(in_flight) = table.whole("in_flight", 1..=IN_FLIGHT_MAX)? {
            settings.in_flight = usize::try_from(in_flight).unwrap_or(usize::MAX);
        }
        if let Some(millis) = table.whole("deadline_ms", 1..=COMMAND_SECONDS_MAX * 1_000)? {
            settings.deadline = Duration::from_millis(millis);
        }
        Ok(settings)
    }
}

fn doveadm(table: &Table<'_>) -> Result<Option<Doveadm>, String> {
    let Some(value) = table.map.get("doveadm") else { return Ok(None) };
    let valid = "a table { url = .., key_file = .. }";
    let map = value.as_object().ok_or_else(|| table.bad("doveadm", valid, value))?;
    let inner = Table::new("doveadm.".into(), map, &["url", "key_file"])?;
    let (Some(url), Some(key_file)) = (map.get("url"), inner.path("key_file")?) else {
        return Err(table.bad("doveadm", valid, value));
    };
    let place = url.as_str().and_then(|url| loopback(&url.parse().ok()?));
    let (address, path) = place.ok_or_else(|| {
        let valid = "http (TLS is not spoken, nor needed on this machine), a loopback address and a \
                     port, like \"http://127.0.0.1:10027/doveadm/v1\"";
        inner.bad("url", valid, url)
    })?;
    Ok(Some(Doveadm { address, path, key_file }))
}

/// Address and path of a URL that stays on this machine: the key goes over it as it is.
fn loopback(url: &Uri) -> Option<(SocketAddr, String)> {
    let ip = match url.host()?.trim_start_matches('[').trim_end_matches(']') {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().ok()?,
    };
    let plain = url.scheme_str() == Some("http") && !url.authority()?.as_str().contains('@');
    let fits = plain && ip.is_loopback() && url.query().is_none();
    fits.then_some((SocketAddr::new(ip, url.port_u16()?), url.path().to_owned()))
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
            "file": "/srv/mail/mail.db", "in_flight": 7, "deadline_ms": 250,
            "doveadm": { "url": "http://127.0.0.1:10027/doveadm/v1", "key_file": "doveadm.key" },
        });
        assert_eq!(all.as_object().unwrap().len(), KEYS.len());
        let wanted = Settings {
            file: Some("/srv/mail/mail.db".into()),
            in_flight: 7,
            deadline: Duration::from_millis(250),
            doveadm: Some(Doveadm {
                address: "127.0.0.1:10027".parse().unwrap(),
                path: "/doveadm/v1".into(),
                key_file: "doveadm.key".into(),
            }),
        };
        assert_eq!(parse(&all), Ok(wanted));
    }

    #[test]
    fn the_key_stays_on_this_machine() {
        let table = |url: &str| json!({ "doveadm": { "url": url, "key_file": "k" } });
        for (url, address) in [
            ("http://127.0.0.1:81/x", "127.0.0.1:81"),
            ("http://[::1]:82/x", "[::1]:82"),
            ("http://localhost:83/x", "127.0.0.1:83"),
        ] {
            let doveadm = parse(&table(url)).unwrap().doveadm.unwrap();
            assert_eq!((doveadm.address, &*doveadm.path), (address.parse().unwrap(), "/x"));
        }
        for url in [
            "https://127.0.0.1:81/x",
            "http://192.0.2.1:81/x",
            "http://mail.example:81/x",
            "http://user:word@127.0.0.1:81/x",
            "http://127.0.0.1/x",
            "http://127.0.0.1:81/x?y",
            "/doveadm/v1",
            "",
        ] {
            let error = parse(&table(url)).unwrap_err();
            let message = "`doveadm.url` must be http (TLS is not spoken, nor needed on this";
            assert!(error.contains(message) && error.contains(url), "{url}: {error}");
        }
    }

    #[test]
    fn a_bad_setting_is_named_together_with_what_would_be_right() {
        let cases = [
            (json!({"seed": 5}), "unknown setting `seed`; the known ones are: file, in_flight"),
            (json!({"in_flight": 0}), "`in_flight` must be a whole number from 1 to 10000, not 0"),
            (json!({"deadline_ms": 5001}), "`deadline_ms` must be a whole number from 1 to 5000"),
            (json!({"doveadm": "x"}), "`doveadm` must be a table { url = .., key_file = .. }, not"),
            (json!({"doveadm": {"url": "x"}}), "`doveadm` must be a table"),
            (json!({"doveadm": {"key": "x"}}), "unknown setting `doveadm.key`"),
            (json!({"file": ""}), "`file` must be a file's path"),
        ];
        for (table, message) in cases {
            let error = parse(&table).unwrap_err();
            assert!(error.contains(message), "{table}: {error}");
        }
    }
}
