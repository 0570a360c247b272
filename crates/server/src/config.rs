//! Configuration: defaults < `provisor.toml` < `PROVISOR_…` environment < flags.
//!
//! Invariants: every setting has one name in the file, one in the environment and its place in
//! [`Settings::META`](confique::Config::META), from which the template and the list of `config check` are made; a key
//! that is not known is an error with its line, never ignored.

mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use confique::meta::{FieldKind, Meta};
use confique::{Config as _, Layer as _};
use ipnet::IpNet;
use provisor_domain::NetworkCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Spanned;

use crate::database::DatabaseUrl;
use crate::output::line_of;
use crate::span::Span;

/// The file that is read when no other is named, if it is there.
pub(crate) const DEFAULT_FILE: &str = "provisor.toml";
/// What the names of all environment variables of the program begin with.
const ENVIRONMENT_PREFIX: &str = "PROVISOR_";

/// Settings of provisor. What is left out has its default.
#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug, Serialize)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(crate) struct Settings {
    /// Where everything is kept: `sqlite://FILE` (relative to the folder the program is started in), `sqlite:///FILE`,
    /// or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` with libpq's sslmode, sslrootcert, sslcert and sslkey. A
    /// password may also come in the environment: PGPASSWORD.
    #[config(env = "PROVISOR_DATABASE", default = "sqlite://provisor.db")]
    pub(crate) database: DatabaseUrl,

    /// Where the APIs listen: address and port. Port 0 picks a free one.
    #[config(env = "PROVISOR_LISTEN", default = "127.0.0.1:8080", deserialize_with = values::address)]
    pub(crate) listen: SocketAddr,

    /// Where /metrics listens. "auto" is the loopback address at the port after the one of `listen` (or a free one),
    /// "off" turns it off.
    #[config(env = "PROVISOR_METRICS_LISTEN", default = "auto")]
    pub(crate) metrics_listen: MetricsListen,

    /// What this node does: "all", "api" (takes orders, carries out none) or "worker" (carries out, takes none). Other
    /// than "all" makes sense only where several nodes share one PostgreSQL.
    #[config(env = "PROVISOR_ROLE", default = "all")]
    pub(crate) role: Role,

    /// The networks whose tickets this node carries out, by code; empty for all. In the environment: separated by
    /// commas. A mail system that keeps a lookup file is carried out by the node that has the file.
    #[config(env = "PROVISOR_NETWORKS", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub(crate) networks: Vec<String>,

    /// Where simulated networks keep their state and mail systems their lookup files. Default: the folder of the
    /// database file; with PostgreSQL, the folder the program is started in.
    #[config(env = "PROVISOR_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The key under which Ki and OPc of imported SIMs are sealed. Made when it is first needed. Default: the
    /// database's file name with .key behind it (provisor.key with PostgreSQL). Every node needs the same one.
    #[config(env = "PROVISOR_SIM_KEY_FILE")]
    pub(crate) sim_key_file: Option<PathBuf>,

    /// Networks of the proxies in front whose X-Forwarded-For is believed. In the environment: separated by commas.
    #[config(env = "PROVISOR_TRUSTED_PROXIES", parse_env = confique::env::parse::list_by_comma, default = [])]
    pub(crate) trusted_proxies: Vec<IpNet>,

    #[config(nested)]
    pub(crate) http: Http,

    #[config(nested)]
    pub(crate) store: StoreSettings,

    #[config(nested)]
    pub(crate) check: CheckSettings,

    #[config(nested)]
    pub(crate) log: Log,
}

/// Limits of the HTTP listener.
#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug, Serialize)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(crate) struct Http {
    /// Most connections at once; more of them wait to be accepted.
    #[config(
        env = "PROVISOR_HTTP_CONNECTIONS_MAX",
        default = 10000,
        deserialize_with = values::one_or_more
    )]
    pub(crate) connections_max: usize,

    /// Most requests being worked on at once; over it callers are asked to come back.
    #[config(
        env = "PROVISOR_HTTP_IN_FLIGHT_MAX",
        default = 1024,
        deserialize_with = values::one_or_more
    )]
    pub(crate) in_flight_max: usize,

    /// Most requests per second of one source network (/24 of IPv4, /56 of IPv6). 0 is no limit.
    #[config(
        env = "PROVISOR_HTTP_REQUESTS_PER_SECOND",
        default = 5000,
        deserialize_with = values::none_or_more
    )]
    pub(crate) requests_per_second: u32,
}

/// How the database is written.
#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug, Serialize)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(crate) struct StoreSettings {
    /// Most writes (PostgreSQL: orders, 1000 at most) that share one commit. 1 commits every one by itself.
    #[config(
        env = "PROVISOR_STORE_GROUP_COMMIT_MAX",
        default = 256,
        deserialize_with = values::one_or_more
    )]
    pub(crate) group_commit_max: usize,

    /// PostgreSQL: connections that read, and that claim and settle. Three more open tickets, listen and look after
    /// the rest. Each is used by many at once: a few are enough.
    #[config(
        env = "PROVISOR_STORE_READ_CONNECTIONS",
        default = 2,
        deserialize_with = values::one_or_more
    )]
    pub(crate) read_connections: usize,

    /// See `read_connections`.
    #[config(
        env = "PROVISOR_STORE_WRITE_CONNECTIONS",
        default = 2,
        deserialize_with = values::one_or_more
    )]
    pub(crate) write_connections: usize,

    /// PostgreSQL: whether a server is accepted whose settings can lose what was acknowledged (`fsync`,
    /// `full_page_writes` or `synchronous_commit` off). Only for trying things out.
    #[config(env = "PROVISOR_STORE_ACCEPT_LOSS", default = false)]
    pub(crate) accept_loss: bool,
}

/// How networks are compared with the books.
#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug, Serialize)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(crate) struct CheckSettings {
    /// In this time every live service is compared once with what its network has; and once more, this long after its
    /// ticket ended, a SIM that the network is not to have any more. A whole number and s, m, h or d.
    #[config(env = "PROVISOR_CHECK_PERIOD", default = "24h")]
    pub(crate) period: Span,

    /// So soon after its ticket ended a SIM is compared.
    #[config(env = "PROVISOR_CHECK_SOON", default = "5m")]
    pub(crate) soon: Span,

    /// The share of a network's rate that comparing may use, in percent, for each of the two. 0 turns it off.
    #[config(env = "PROVISOR_CHECK_SHARE_PERCENT", default = 5)]
    pub(crate) share_percent: u32,
}

/// What is logged. Logs go to standard error.
#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug, Serialize)))]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(crate) struct Log {
    /// "human", "json", or "auto": human on a terminal, JSON elsewhere.
    #[config(env = "PROVISOR_LOG_FORMAT", default = "auto")]
    pub(crate) format: LogFormat,

    /// A level (error, warn, info, debug, trace), or levels by module: `info,provisor_engine=debug`.
    #[config(env = "PROVISOR_LOG", default = "info")]
    pub(crate) filter: String,
}

/// Where metrics are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum MetricsListen {
    /// Beside the APIs.
    Auto,
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

impl std::str::FromStr for MetricsListen {
    type Err = &'static str;
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            address => address
                .parse()
                .map(Self::At)
                .map_err(|_| "write auto, off, or address and port like 127.0.0.1:9090"),
        }
    }
}

impl TryFrom<String> for MetricsListen {
    type Error = &'static str;
    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl From<MetricsListen> for String {
    fn from(listen: MetricsListen) -> Self {
        match listen {
            MetricsListen::Auto => "auto".to_owned(),
            MetricsListen::Off => "off".to_owned(),
            MetricsListen::At(address) => address.to_string(),
        }
    }
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Takes orders and carries them out.
    All,
    /// Takes orders; workers carry them out.
    Api,
    /// Carries orders out; answers only for its health and networks' reports.
    Worker,
}

impl Role {
    /// Whether it serves the faces.
    pub(crate) fn takes_orders(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether it carries tickets out.
    pub(crate) fn carries_out(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// One layer: every setting may be absent.
pub(crate) type SettingsLayer = <Settings as confique::Config>::Layer;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whence {
    /// The command line.
    Flag,
    /// This environment variable.
    Environment(&'static str),
    /// This file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl std::fmt::Display for Whence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Environment(name) => write!(f, "environment: {name}"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting as it is in effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    /// Its name in the file, sections before it (`http.in_flight_max`).
    pub(crate) key: String,
    /// Its value; null for what has no fixed default.
    pub(crate) value: Value,
    /// Where it came from.
    pub(crate) from: Whence,
}

/// The configuration in effect.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The values.
    pub(crate) settings: Settings,
    /// Where each came from, in the order of the template.
    pub(crate) listed: Vec<Setting>,
}

impl Config {
    /// Reads all layers. `file` is the one that was asked for; without it [`DEFAULT_FILE`] is read when it is there.
    pub(crate) fn load(flags: SettingsLayer, file: Option<&Path>) -> Result<Self> {
        let from_file = match file {
            Some(file) => Some((file.to_owned(), read(file)?)),
            None if Path::new(DEFAULT_FILE).exists() => {
                Some((PathBuf::from(DEFAULT_FILE), read(Path::new(DEFAULT_FILE))?))
            }
            None => None,
        };
        let environment = SettingsLayer::from_env()
            .map_err(|error| anyhow::anyhow!("{}", values::explained(&error)))?;
        Self::merge(flags, environment, from_file)
    }

    fn merge(
        flags: SettingsLayer,
        environment: SettingsLayer,
        file: Option<(PathBuf, SettingsLayer)>,
    ) -> Result<Self> {
        let (path, from_file) = file.unwrap_or_else(|| (PathBuf::new(), SettingsLayer::empty()));
        let defaults = SettingsLayer::default_values();
        let layers = [&flags, &environment, &from_file, &defaults].map(serde_json::to_value);
        let [flag_values, environment_values, file_values, default_values] = layers;
        let values = Values {
            flags: flag_values?,
            environment: environment_values?,
            file: file_values?,
            path,
            defaults: default_values?,
        };
        let mut listed = Vec::new();
        values.list("", &Settings::META, &mut listed);
        let merged =
            flags.with_fallback(environment).with_fallback(from_file).with_fallback(defaults);
        let settings = Settings::from_layer(merged)?;
        settings.check()?;
        Ok(Self { settings, listed })
    }

    /// True when nobody said anything about this setting.
    pub(crate) fn is_default(&self, key: &str) -> bool {
        self.listed.iter().any(|setting| setting.key == key && setting.from == Whence::Default)
    }
}

impl Settings {
    /// The folder of the simulated networks.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| self.database.folder())
    }

    /// The file of the key for Ki and OPc.
    pub(crate) fn sim_key_file(&self) -> PathBuf {
        self.sim_key_file.clone().unwrap_or_else(|| self.database.file_beside("key"))
    }

    fn check(&self) -> Result<()> {
        crate::logging::check_filter(&self.log.filter)?;
        if self.check.share_percent > 100 {
            bail!("setting check.share_percent must be 0 to 100");
        }
        let bad = self.networks.iter().find(|code| code.parse::<NetworkCode>().is_err());
        if let Some(code) = bad {
            bail!("setting networks: {code:?} is no code of a network");
        }
        if self.role != Role::All && self.database.file().is_some() {
            bail!(
                "setting role: only nodes that share a PostgreSQL database divide the work; one that has a SQLite file \
                 does all of it"
            );
        }
        Ok(())
    }

    /// The networks whose tickets this node carries out; empty for all.
    pub(crate) fn networks(&self) -> Vec<NetworkCode> {
        self.networks.iter().filter_map(|code| code.parse().ok()).collect()
    }
}

/// All layers as plain values, to see which of them says something.
struct Values {
    flags: Value,
    environment: Value,
    file: Value,
    path: PathBuf,
    defaults: Value,
}

impl Values {
    fn list(&self, section: &str, meta: &'static Meta, into: &mut Vec<Setting>) {
        for field in meta.fields {
            let key = format!("{section}{}", field.name);
            match field.kind {
                FieldKind::Nested { meta } => self.list(&format!("{key}."), meta, into),
                FieldKind::Leaf { env, .. } => into.push(self.one(key, env)),
            }
        }
    }

    fn one(&self, key: String, env: Option<&'static str>) -> Setting {
        let pointer = format!("/{}", key.replace('.', "/"));
        let said = |layer: &Value| layer.pointer(&pointer).filter(|v| !v.is_null()).cloned();
        let (value, from) = if let Some(value) = said(&self.flags) {
            (value, Whence::Flag)
        } else if let Some(value) = said(&self.environment) {
            (value, Whence::Environment(env.unwrap_or_default()))
        } else if let Some(value) = said(&self.file) {
            (value, Whence::File(self.path.clone()))
        } else {
            (said(&self.defaults).unwrap_or_default(), Whence::Default)
        };
        Setting { key, value, from }
    }
}

fn read(file: &Path) -> Result<SettingsLayer> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the configuration file {}", file.display()))?;
    parse(file, &text)
}

fn parse(file: &Path, text: &str) -> Result<SettingsLayer> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let (file, line) = (file.display(), line_of(text, at));
        let key = key_of(text, at).map(|key| format!("{key}: ")).unwrap_or_default();
        let what = error.message().replace('\n', " ");
        anyhow::anyhow!(
            "{file}:{line}: {key}{what} (`provisor config template` prints all settings)"
        )
    })
}

/// The key whose value stands at this byte.
fn key_of(text: &str, at: usize) -> Option<String> {
    let root = toml::de::DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut path = Vec::new();
    loop {
        let holds = |value: &Spanned<toml::de::DeValue<'_>>| value.span().contains(&at);
        let inside = table.iter().find(|(key, value)| match value.get_ref().as_table() {
            // A section's span is its head; what is wrong is in one of its keys.
            Some(section) => {
                holds(value) || section.values().any(holds) || key.span().contains(&at)
            }
            None => holds(value),
        });
        let Some((key, value)) = inside else { break };
        path.push(key.get_ref().to_string());
        match value.get_ref().as_table() {
            Some(section) => table = section,
            None => break,
        }
    }
    (!path.is_empty()).then(|| path.join("."))
}

/// The environment variables that look like ours and are not: most likely misspelled.
pub(crate) fn unknown_variables() -> Vec<String> {
    let mut known = Vec::new();
    names(&Settings::META, &mut known);
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let ours = set.filter(|name| name.starts_with(ENVIRONMENT_PREFIX));
    ours.filter(|name| name != "PROVISOR_CONFIG" && !known.contains(&name.as_str())).collect()
}

fn names(meta: &'static Meta, into: &mut Vec<&'static str>) {
    for field in meta.fields {
        match field.kind {
            FieldKind::Nested { meta } => names(meta, into),
            FieldKind::Leaf { env, .. } => into.extend(env),
        }
    }
}

/// A commented file with every setting and its default.
pub(crate) fn template() -> String {
    confique::toml::template::<Settings>(confique::toml::FormatOptions::default())
}

#[cfg(test)]
mod tests;
