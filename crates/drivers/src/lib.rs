//! Drivers to the south: networks of SIMs, mail systems, and the suites that every driver of a kind must pass.
//!
//! A driver makes a network look like a command says and reports what came of it; it never retries, never sees the
//! store and knows no face. Its contract is [`provisor_domain::driver`] or [`provisor_domain::mail`], told at length in
//! `docs/drivers.md`.
//!
//! This module picks the driver that a `[[network]]` table of the catalogue names. Settings are checked by the driver
//! they belong to, so that `provisor catalogue apply` refuses a wrong table before anything runs on it.

pub mod conformance;
mod file;
pub mod http;
pub mod mail;
pub mod osmo_hlr;
pub mod simulator;
mod table;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use provisor_domain::catalogue::Network;
use provisor_domain::driver::{Callbacks, Element};
use provisor_domain::{Iccid, NetworkCode, OpenKeys, PlainKeys, SealedKeys};

pub use crate::file::FileError;
use crate::http::HttpDriver;
use crate::mail::{Doveadm, MailStore};
use crate::osmo_hlr::OsmoHlr;
use crate::simulator::{SimulatedMail, Simulator};

/// The names that `driver` in a `[[network]]` table may have.
pub const DRIVERS: [&str; 5] = ["simulated", "osmo-hlr", "http", "mail", "simulated-mail"];

/// The mail network that most catalogues have, and the only one in many: its lookup file is the one that the
/// documents name.
const FIRST_MAIL: &str = "MAIL";

/// Why a network has no driver.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no driver of that name.
    #[error("network {network}: there is no driver {driver:?}; use one of: {}", DRIVERS.join(", "))]
    UnknownDriver {
        /// The network.
        network: NetworkCode,
        /// The name in its table.
        driver: String,
    },
    /// The driver does not accept its settings.
    #[error("network {network}: {reason}")]
    Settings {
        /// The network.
        network: NetworkCode,
        /// Which setting, and what would be right.
        reason: String,
    },
    /// The driver's file cannot be used.
    #[error("network {network}: {source}")]
    File {
        /// The network.
        network: NetworkCode,
        /// Why.
        source: FileError,
    },
}

/// Settings that their driver accepts.
enum Chosen {
    Simulated(simulator::Settings),
    OsmoHlr(osmo_hlr::Settings),
    Http(Box<http::Settings>),
    Mail(mail::Settings),
    SimulatedMail(simulator::Settings),
}

/// What drivers are given besides their own settings.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where the files of networks lie unless told otherwise, and where relative paths in settings are taken from.
    pub data_dir: PathBuf,
    /// Opens the keys of SIMs for networks that are told them.
    pub keys: Arc<dyn OpenKeys>,
    /// Signs the addresses under which networks report by themselves; `None` in a process that they do not report to.
    pub callbacks: Option<Arc<dyn Callbacks>>,
}

impl Surroundings {
    /// With no way to open keys of SIMs, and none for networks to report.
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), keys: Arc::new(NoKeys), callbacks: None }
    }
}

/// Opens no keys.
#[derive(Debug)]
struct NoKeys;

impl OpenKeys for NoKeys {
    fn open(&self, _iccid: &Iccid, _sealed: &SealedKeys) -> Result<PlainKeys, String> {
        Err("this program was not told where the key file is (sim_key_file)".to_owned())
    }
}

/// The driver that `network` names.
pub fn build(network: &Network, surroundings: &Surroundings) -> Result<Element, BuildError> {
    let chosen = choose(network)?;
    let data_dir = &surroundings.data_dir;
    let code = &network.code;
    let file = chosen.file(network, data_dir);
    let down = |settings: simulator::Settings| simulator::Settings {
        outage_file: settings.outage_file.as_ref().map(|file| data_dir.join(file)),
        ..settings
    };
    let mail = |settings: mail::Settings| mail::Settings {
        doveadm: settings.doveadm.map(|doveadm| placed(doveadm, data_dir)),
        ..settings
    };
    let built = match chosen {
        Chosen::Simulated(settings) => Simulator::open(code, &file, down(settings))
            .map(|simulator| Element::Network(Arc::new(simulator))),
        Chosen::OsmoHlr(settings) => {
            let hlr = OsmoHlr::new(code, settings, Arc::clone(&surroundings.keys));
            Ok(Element::Network(Arc::new(hlr)))
        }
        Chosen::Http(settings) => {
            let callbacks = surroundings.callbacks.clone();
            let built = HttpDriver::new(code, settings.placed(data_dir), callbacks);
            let settings = |reason| BuildError::Settings { network: code.clone(), reason };
            return built.map(|driver| Element::Network(Arc::new(driver))).map_err(settings);
        }
        Chosen::Mail(settings) => {
            MailStore::open(code, &file, mail(settings)).map(|store| Element::Mail(Arc::new(store)))
        }
        Chosen::SimulatedMail(settings) => SimulatedMail::open(code, &file, down(settings))
            .map(|simulated| Element::Mail(Arc::new(simulated))),
    };
    built.map_err(|source| BuildError::File { network: code.clone(), source })
}

/// Whether [`build`] would know the driver and accept its settings. Touches no file.
pub fn check(network: &Network) -> Result<(), BuildError> {
    choose(network).map(drop)
}

/// Whether a driver of this name has mailboxes (rather than SIMs).
pub fn is_mail(driver: &str) -> bool {
    matches!(driver, "mail" | "simulated-mail")
}

/// Where the mail network `network` keeps its lookup file; `None` for a network of SIMs. Touches no file.
pub fn mail_file(network: &Network, data_dir: &Path) -> Result<Option<PathBuf>, BuildError> {
    let chosen = choose(network)?;
    Ok(is_mail(&network.driver).then(|| chosen.file(network, data_dir)))
}

/// Where the mail network `network` has its sessions ended, for the configuration of its mail servers; `None` where nobody
/// ends them. Touches no file.
pub fn mail_doveadm(network: &Network, data_dir: &Path) -> Result<Option<Doveadm>, BuildError> {
    Ok(match choose(network)? {
        Chosen::Mail(settings) => settings.doveadm.map(|doveadm| placed(doveadm, data_dir)),
        Chosen::Simulated(_) | Chosen::OsmoHlr(_) | Chosen::Http(_) | Chosen::SimulatedMail(_) => {
            None
        }
    })
}

/// With its key file as an absolute path: Dovecot reads the same one.
fn placed(doveadm: Doveadm, data_dir: &Path) -> Doveadm {
    let key_file = data_dir.join(&doveadm.key_file);
    Doveadm { key_file: std::path::absolute(&key_file).unwrap_or(key_file), ..doveadm }
}

fn choose(network: &Network) -> Result<Chosen, BuildError> {
    let settings = &network.settings;
    let chosen = match network.driver.as_str() {
        "simulated" => simulator::Settings::from_json(settings).map(Chosen::Simulated),
        "osmo-hlr" => osmo_hlr::Settings::from_json(settings).map(Chosen::OsmoHlr),
        "http" => http::Settings::from_json(settings).map(Box::new).map(Chosen::Http),
        "mail" => mail::Settings::from_json(settings).map(Chosen::Mail),
        "simulated-mail" => simulator::Settings::of_mail(settings).map(Chosen::SimulatedMail),
        other => {
            let (network, driver) = (network.code.clone(), other.to_owned());
            return Err(BuildError::UnknownDriver { network, driver });
        }
    };
    chosen.map_err(|reason| BuildError::Settings { network: network.code.clone(), reason })
}

impl Chosen {
    /// Where the driver keeps its state.
    fn file(&self, network: &Network, data_dir: &Path) -> PathBuf {
        let (named, default) = match self {
            Self::Http(_) => (&None, PathBuf::new()), // it keeps nothing
            Self::Simulated(settings) => (&settings.file, default_file(&network.code)),
            Self::SimulatedMail(settings) => (&settings.file, default_mail_file(&network.code)),
            // An HLR keeps its own: nobody asks.
            Self::OsmoHlr(_) => (&None, default_file(&network.code)),
            Self::Mail(settings) => (&settings.file, default_mail_file(&network.code)),
        };
        data_dir.join(named.as_ref().unwrap_or(&default))
    }
}

/// The file's name of a simulated network that has no `file`.
fn default_file(code: &NetworkCode) -> PathBuf {
    format!("network-{}.db", escaped(code.as_str())).into()
}

/// The lookup file of a mail network that has no `file`. It has a directory of its own, because the mail servers must be
/// able to write there.
fn default_mail_file(code: &NetworkCode) -> PathBuf {
    match code.as_str() {
        FIRST_MAIL => "mail/mail.db".into(),
        other => format!("mail-{}/mail.db", escaped(other)).into(),
    }
}

/// `text` as part of a path: what is not plain in a file's name is written as `%` and two hex digits, so that two texts
/// never become one name.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_file_names_that_stay_apart_and_in_their_directory() {
        assert_eq!(default_file(&"AS".parse().unwrap()), PathBuf::from("network-AS.db"));
        assert_eq!(default_file(&"A/S".parse().unwrap()), PathBuf::from("network-A%2FS.db"));
        assert_eq!(default_file(&"../x".parse().unwrap()).components().count(), 1);
    }
}
