//! Drivers to the south: the simulated network, and the suite every driver must pass.
//!
//! A driver makes a network look like a command says and reports what came of it; it never retries, never sees the
//! store and knows no face. Its contract is [`provisor_domain::driver`], told at length in `docs/drivers.md`.
//!
//! This module picks the driver that a `[[network]]` table of the catalogue names. Settings are checked by the driver
//! they belong to, so that `provisor catalogue apply` refuses a wrong table before anything runs on it.

pub mod conformance;
pub mod simulator;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use provisor_domain::NetworkCode;
use provisor_domain::catalogue::Network;
use provisor_domain::driver::Driver;

use crate::simulator::{Settings, Simulator, SimulatorError};

/// The names that `driver` in a `[[network]]` table may have.
pub const DRIVERS: [&str; 1] = ["simulated"];

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
    /// The simulated network does not start.
    #[error("network {network}: {source}")]
    Simulator {
        /// The network.
        network: NetworkCode,
        /// Why.
        source: SimulatorError,
    },
}

/// The driver that `network` names, ready to be used. Relative paths in its settings are taken from `data_dir`, where
/// a simulated network also keeps its file unless told otherwise.
pub fn build(network: &Network, data_dir: &Path) -> Result<Arc<dyn Driver>, BuildError> {
    let mut settings = settings(network)?;
    settings.outage_file = settings.outage_file.map(|file| data_dir.join(file));
    let file = match &settings.file {
        Some(file) => data_dir.join(file),
        None => data_dir.join(default_file(&network.code)),
    };
    let simulator = Simulator::open(&network.code, &file, settings)
        .map_err(|source| BuildError::Simulator { network: network.code.clone(), source })?;
    Ok(Arc::new(simulator))
}

/// Whether [`build`] would know the driver and accept its settings. Touches no file.
pub fn check(network: &Network) -> Result<(), BuildError> {
    settings(network).map(drop)
}

fn settings(network: &Network) -> Result<Settings, BuildError> {
    if network.driver != "simulated" {
        let (network, driver) = (network.code.clone(), network.driver.clone());
        return Err(BuildError::UnknownDriver { network, driver });
    }
    Settings::from_json(&network.settings)
        .map_err(|reason| BuildError::Settings { network: network.code.clone(), reason })
}

/// The file's name of a simulated network that has no `file`. What is not plain in a file's name is written as
/// `%` and two hex digits, so that two codes never share a file.
fn default_file(code: &NetworkCode) -> PathBuf {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let name: String = code
        .as_str()
        .bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("network-{name}.db").into()
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
