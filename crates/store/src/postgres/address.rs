//! The address of a database: what libpq would do with it, as far as it is ours to do.
//!
//! `sslmode`, `sslrootcert`, `sslcert` and `sslkey` mean what they mean to libpq (PostgreSQL manual, "SSL Support"), with one
//! difference: nothing is looked for in `~/.postgresql`, so a mode that verifies must be told its roots.
//! Invariant: the password is in no error.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode as Wire, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::open::OpenError;
use super::tls;

/// How long the network may take to connect us.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long without an answer to what was sent, a connection counts as lost.
const SILENCE: Duration = Duration::from_secs(15);
/// For so long a server that said nothing is tried after the others.
const SHUNNED: Duration = Duration::from_mins(1);
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

/// One server: the ways to it, which are tried in order. `allow` and `prefer` have two.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) ways: Vec<Config>,
    /// When it was last found to say nothing, if it has not answered since. Connections share what they found.
    silent: Arc<Mutex<Option<Instant>>>,
}

impl Server {
    /// The same, whether it can be written to or not.
    pub(super) fn of_any_kind(&self) -> Self {
        let any = |way: &Config| way.clone().target_session_attrs(TargetSessionAttrs::Any).clone();
        Self { ways: self.ways.iter().map(any).collect(), silent: Arc::clone(&self.silent) }
    }

    /// Notes whether it answered.
    pub(super) fn note(&self, answered: bool) {
        let silent = (!answered).then(Instant::now);
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = silent;
    }

    /// Whether it is better to try others before it.
    pub(super) fn is_shunned(&self) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|since| since.elapsed() < SHUNNED)
    }
}

/// An address, read.
#[derive(Clone)]
pub(super) struct Address {
    /// The servers that it names, in order.
    pub(super) servers: Vec<Server>,
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
        let modes: &[Wire] = match encryption.mode {
            SslMode::Disable => &[Wire::Disable],
            SslMode::Allow => &[Wire::Disable, Wire::Require],
            SslMode::Prefer => &[Wire::Prefer, Wire::Disable],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Wire::Require],
        };
        let server = |config: Config| Server {
            ways: modes.iter().map(|mode| config.clone().ssl_mode(*mode).clone()).collect(),
            silent: Arc::default(),
        };
        let servers = each_server(config)?.into_iter().map(server).collect();
        Ok(Self { servers, tls: tls::connector(&encryption)? })
    }
}

/// A configuration for each server that one names: one of them that takes a connection and says nothing must not keep us
/// from the next one. Those that are tried in any order are left together.
fn each_server(all: Config) -> Result<Vec<Config>, OpenError> {
    let (hosts, addresses, ports) = (all.get_hosts(), all.get_hostaddrs(), all.get_ports());
    let count = hosts.len().max(addresses.len());
    if count < 2 || all.get_load_balance_hosts() == LoadBalanceHosts::Random {
        return Ok(vec![all]);
    }
    let as_many = |len| len == 0 || len == count;
    if !as_many(hosts.len())
        || !as_many(addresses.len())
        || !(as_many(ports.len()) || ports.len() == 1)
    {
        return Err(OpenError::Address("it has not as many ports as hosts".to_owned()));
    }
    Ok((0..count).map(|at| only(&all, at)).collect())
}

/// The same for the server at this place alone.
fn only(all: &Config, at: usize) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(at) {
        Some(Host::Tcp(host)) => _ = one.host(host),
        Some(Host::Unix(path)) => _ = one.host_path(path),
        None => {}
    }
    all.get_hostaddrs().get(at).map(|address| one.hostaddr(*address));
    all.get_ports().get(at).or(all.get_ports().first()).map(|port| one.port(*port));
    all.get_user().map(|user| one.user(user));
    all.get_password().map(|password| one.password(password));
    all.get_dbname().map(|name| one.dbname(name));
    all.get_options().map(|options| one.options(options));
    all.get_application_name().map(|name| one.application_name(name));
    all.get_connect_timeout().map(|most| one.connect_timeout(*most));
    all.get_tcp_user_timeout().map(|most| one.tcp_user_timeout(*most));
    all.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
    all.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
    one.keepalives(all.get_keepalives());
    one.keepalives_idle(all.get_keepalives_idle());
    one.ssl_negotiation(all.get_ssl_negotiation());
    one.channel_binding(all.get_channel_binding());
    one.target_session_attrs(all.get_target_session_attrs());
    one
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
            address.servers[0].ways.iter().map(Config::get_ssl_mode).collect::<Vec<_>>()
        };
        assert_eq!(modes("allow"), [Wire::Disable, Wire::Require]);
        assert_eq!(modes("prefer"), [Wire::Prefer, Wire::Disable]);
        assert_eq!(modes("require"), [Wire::Require]);
    }

    #[test]
    fn each_server_of_an_address_is_one_by_itself() {
        let read = |url: &str| Address::read(url).map(|address| address.servers);
        let servers =
            read("postgres://u:p@db1:1,%2Frun:2/d?target_session_attrs=read-write").unwrap();
        let hosts = [Host::Tcp("db1".to_owned()), Host::Unix("/run".into())];
        assert_eq!(servers.len(), 2);
        for ((server, host), port) in servers.iter().zip(hosts).zip(1..) {
            let [way, _] = &server.ways[..] else { panic!("{:?}", server.ways) };
            assert_eq!((way.get_hosts(), way.get_ports()), (&[host][..], &[port][..]));
            // Whatever else the client knows is the same.
            assert_eq!((way.get_user(), way.get_password()), (Some("u"), Some(&b"p"[..])));
            assert_eq!(way.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(way.get_application_name(), Some("provisor"));
            assert_eq!(way.get_tcp_user_timeout(), Some(&SILENCE));
        }
        assert_eq!(read("postgres://db1,db2/d").unwrap().len(), 2);
        assert_eq!(read("postgres://db1,db2/d?load_balance_hosts=random").unwrap().len(), 1);
        assert!(read("postgres://db1,db2,db3/d?port=1,2").is_err());
    }
}
