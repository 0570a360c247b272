//! The address of a database: what libpq would do with it, as far as it is ours to do.
//!
//! `sslmode`, `sslrootcert`, `sslcert` and `sslkey` mean what they mean to libpq (PostgreSQL manual, "SSL Support"), with one
//! difference: nothing is looked for in `~/.postgresql`, so a mode that verifies must be told its roots.
//! Invariant: the password is in no error.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode as Wire;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::open::OpenError;
use super::tls;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long without an answer to what was sent, a connection counts as lost.
const SILENCE: Duration = Duration::from_secs(15);
/// Where a password may come from when the address has none, as with libpq.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// Whether connections are encrypted, and what is checked of the server: libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SslMode {
    /// Never.
    Disable,
    /// Only if the server insists.
    Allow,
    /// If the server can, and lets us in like that.
    Prefer,
    /// Always; whose certificate it is does not matter, unless roots are named.
    Require,
    /// Always, with a certificate that the roots vouch for.
    VerifyCa,
    /// Always, with a certificate that the roots vouch for and that names the host.
    VerifyFull,
}

/// Whom `sslrootcert` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those that the operating system trusts (`system`).
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// What the address says about encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) mode: SslMode,
    pub(super) roots: Option<Roots>,
    /// Our own certificate and its key, PEM files.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// An address, read.
#[derive(Clone)]
pub(super) struct Address {
    /// What the client needs to know. Its ways are tried in order: `allow` and `prefer` have two.
    pub(super) ways: Vec<Config>,
    /// How a connection is encrypted, where it is.
    pub(super) tls: MakeRustlsConnect,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?parameters`.
    pub(super) fn read(url: &str) -> Result<Self, OpenError> {
        let (plain, encryption) = split(url)?;
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            OpenError::Address(source.unwrap_or_else(|| "it cannot be read".to_owned()))
        })?;
        config.application_name("provisor");
        config.connect_timeout(CONNECT_TIMEOUT);
        config.tcp_user_timeout(SILENCE);
        config.keepalives_idle(SILENCE);
        if config.get_password().is_none()
            && let Ok(password) = std::env::var(PASSWORD_VARIABLE)
        {
            config.password(password);
        }
        let way = |mode| config.clone().ssl_mode(mode).clone();
        let ways = match encryption.mode {
            SslMode::Disable => vec![way(Wire::Disable)],
            SslMode::Allow => vec![way(Wire::Disable), way(Wire::Require)],
            SslMode::Prefer => vec![way(Wire::Prefer), way(Wire::Disable)],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => vec![way(Wire::Require)],
        };
        Ok(Self { ways, tls: tls::connector(&encryption)? })
    }
}

/// Takes what is about encryption out of an address; the rest is the client's.
fn split(url: &str) -> Result<(String, Encryption), OpenError> {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut roots, mut certificate, mut key) = (SslMode::Prefer, None, None, None);
    let mut others = Vec::new();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = percent_decode_str(value).decode_utf8().map_err(|_| wrong(name, "UTF-8"))?;
        match name {
            "sslmode" => mode = value.parse()?,
            "sslrootcert" if value == "system" => roots = Some(Roots::System),
            "sslrootcert" => roots = Some(Roots::File(value.as_ref().into())),
            "sslcert" => certificate = Some(PathBuf::from(value.as_ref())),
            "sslkey" => key = Some(PathBuf::from(value.as_ref())),
            _ => others.push(parameter),
        }
    }
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        _ => return Err(OpenError::Address("sslcert and sslkey go together".to_owned())),
    };
    let needs_roots = matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull);
    if needs_roots && roots.is_none() {
        return Err(OpenError::Address(
            "a certificate is verified against roots: add sslrootcert=FILE or sslrootcert=system"
                .to_owned(),
        ));
    }
    if roots == Some(Roots::System) && mode != SslMode::VerifyFull {
        return Err(OpenError::Address(
            "anybody gets a certificate from the system's roots: sslrootcert=system needs sslmode=verify-full"
                .to_owned(),
        ));
    }
    let mut plain = address.to_owned();
    if !others.is_empty() {
        plain = format!("{plain}?{}", others.join("&"));
    }
    Ok((plain, Encryption { mode, roots, identity }))
}

fn wrong(name: &str, what: &str) -> OpenError {
    OpenError::Address(format!("the value of {name} must be {what}"))
}

impl FromStr for SslMode {
    type Err = OpenError;
    fn from_str(raw: &str) -> Result<Self, OpenError> {
        Ok(match raw {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let modes = "disable, allow, prefer, require, verify-ca or verify-full";
                return Err(wrong("sslmode", modes));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_encryption_is_taken_out_of_the_address() {
        let url =
            "postgres://u:p@h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fetc%2Fca.pem";
        let (plain, encryption) = split(url).unwrap();
        assert_eq!(plain, "postgres://u:p@h/d?connect_timeout=3");
        assert_eq!(encryption.mode, SslMode::VerifyFull);
        assert_eq!(encryption.roots, Some(Roots::File("/etc/ca.pem".into())));
        let (plain, encryption) = split("postgres://h/d").unwrap();
        assert_eq!((plain.as_str(), encryption.mode), ("postgres://h/d", SslMode::Prefer));
    }

    #[test]
    fn contradictions_are_told_without_the_password() {
        for (parameters, told) in [
            ("sslmode=full", "verify-full"),
            ("sslmode=verify-full", "sslrootcert=FILE"),
            ("sslmode=verify-ca", "sslrootcert=FILE"),
            ("sslmode=require&sslrootcert=system", "sslmode=verify-full"),
            ("sslmode=require&sslcert=a.pem", "go together"),
            ("sslmode=require&sslrootcert=%2Fno%2Fsuch.pem", "/no/such.pem"),
            ("no_such_parameter=1", "no_such_parameter"),
        ] {
            let error =
                Address::read(&format!("postgres://u:geheim@h/d?{parameters}")).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(told) && !error.contains("geheim"), "{parameters}: {error}");
        }
    }

    #[test]
    fn allow_tries_in_the_clear_first_and_prefer_last() {
        let modes = |mode: &str| {
            let address = Address::read(&format!("postgres://h/d?sslmode={mode}")).unwrap();
            address.ways.iter().map(Config::get_ssl_mode).collect::<Vec<_>>()
        };
        assert_eq!(modes("allow"), [Wire::Disable, Wire::Require]);
        assert_eq!(modes("prefer"), [Wire::Prefer, Wire::Disable]);
        assert_eq!(modes("require"), [Wire::Require]);
    }
}
