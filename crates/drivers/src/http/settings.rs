//! The settings of a network that is driven over HTTP, read from its `[[network]]` table.
//!
//! Invariant: settings that were read can be kept: every placeholder is known where it stands, what needs a query has one,
//! and no secret is in them. Every refusal names the key and says what would be right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use ipnet::IpNet;
use provisor_domain::driver::Abilities;
use provisor_domain::limits::{COMMAND_SECONDS_MAX, TICKET_AGE_DAYS_MAX};
use serde_json::{Map, Value};

use super::client::Peer;
use super::guard::Guard;
use super::look::Query;
use super::request::{Answers, CALLBACK, REQUEST_KEYS, Step};
use super::rules::{Class, Rule, table_at, tables};
use super::secret::Header;
use crate::table::Table;

/// Most commands that may be under way at once, whatever the table says.
const IN_FLIGHT_MAX: u64 = 10_000;
/// Highest limit of commands a second.
const RATE_PER_SECOND_MAX: u64 = 1_000_000;
/// How long one exchange may take where the table does not say, in milliseconds.
const REQUEST_MILLIS: u64 = 2_000;
/// Longest time between two looks at a network that is silent, in seconds (a day).
const LOOK_AFTER_SECONDS_MAX: u64 = 24 * 3_600;
/// Longest time that a report may take, in seconds: as long as a ticket may wait.
const GIVE_UP_SECONDS_MAX: u64 = TICKET_AGE_DAYS_MAX.unsigned_abs() * 24 * 3_600;
/// Longest address to be called back, in bytes.
const CALLBACK_URL_BYTES_MAX: usize = 1_024;

const KEYS: [&str; 20] = [
    "url",
    "allow_networks",
    "ca_file",
    "headers",
    "in_flight",
    "rate_per_second",
    "deadline_ms",
    "request_timeout_ms",
    "rules",
    "query",
    "present",
    "absent",
    "create",
    "update",
    "suspend",
    "resume",
    "callback",
    "look_after_s",
    "give_up_after_s",
    "codes",
];

/// Placeholders that a query can use.
const OF_A_SIM: [&str; 2] = ["iccid", "imsi"];
/// Those that every command can use besides.
const OF_A_COMMAND: [&str; 3] = ["ticket", "epoch", "key"];
/// Those that only a SIM which is to be there has besides.
const OF_A_SERVICE: [&str; 8] =
    ["msisdn", "tariff", "apns", "boltons", "bars", "suspended", "active", "state"];

/// Whether a placeholder of this name has a meaning of its own.
pub(super) fn is_builtin(name: &str) -> bool {
    [&OF_A_SIM[..], &OF_A_COMMAND, &OF_A_SERVICE, &[CALLBACK]].concat().contains(&name)
}

/// How a network is driven over HTTP.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) base: Base,
    pub(super) peer: Peer,
    pub(super) guard: Guard,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) in_flight: usize,
    pub(super) rate_per_second: Option<u32>,
    pub(super) deadline: Duration,
    pub(super) request_timeout: Duration,
    pub(super) codes: Codes,
    pub(super) rules: Vec<Rule>,
    pub(super) query: Option<Query>,
    pub(super) acts: BTreeMap<Act, Vec<Step>>,
    pub(super) callback: Option<Callback>,
    /// How long to wait for what comes later before the query is asked.
    pub(super) look_after: Duration,
    /// When silence counts as not knowing.
    pub(super) give_up_after: Duration,
}

/// What every request has in common.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub(super) host: HeaderValue,
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, Header)>,
}

/// What can be done to a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Act {
    /// Makes it as wanted, whether it is there or not.
    Present,
    /// Takes it away.
    Absent,
    /// Makes one that is not there.
    Create,
    /// Changes one that is there.
    Update,
    /// Suspends one that is there.
    Suspend,
    /// Ends its suspension.
    Resume,
}

impl Act {
    const ALL: [Self; 6] =
        [Self::Present, Self::Absent, Self::Create, Self::Update, Self::Suspend, Self::Resume];

    /// Its key in the table.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "absent",
            Self::Create => "create",
            Self::Update => "update",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

/// What the element calls our codes, by kind of code; a kind that is not there has the same codes on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Codes(BTreeMap<String, BTreeMap<String, String>>);

impl Codes {
    /// The element's word for our code.
    pub(super) fn theirs(&self, kind: &str, ours: &str) -> Result<String, String> {
        match self.0.get(kind) {
            None => Ok(ours.to_owned()),
            Some(codes) => codes
                .get(ours)
                .cloned()
                .ok_or_else(|| format!("`codes.{kind}` has no word for {ours}")),
        }
    }

    /// Our code for the element's word; the word itself where there is none.
    pub(super) fn ours(&self, kind: &str, theirs: String) -> String {
        let found = self.0.get(kind).and_then(|codes| codes.iter().find(|(_, it)| **it == theirs));
        found.map_or(theirs, |(ours, _)| ours.clone())
    }
}

/// How the element reports by itself.
#[derive(Debug, Clone)]
pub(super) struct Callback {
    /// Under which the element reaches this installation.
    pub(super) url: String,
    /// What a report means.
    pub(super) rules: Vec<Rule>,
}

impl Settings {
    /// Reads a table. The error is one line: which key, what is valid, what was found.
    pub fn from_json(map: &Map<String, Value>) -> Result<Self, String> {
        let table = Table::new(String::new(), map, &KEYS)?;
        let (peer, path) = place(&table)?;
        let guard = Guard { allow: networks(&table)? };
        if let Some(refusal) = guard.objection(&peer.host) {
            return Err(format!("setting `url`: {refusal}"));
        }
        let callback = callback(&table)?;
        let query = query(&table)?;
        let settings = Self {
            base: Base { host: host(&peer)?, path, headers: Header::list(&table, &|_| false)? },
            guard,
            ca_file: table.path("ca_file")?,
            in_flight: to_usize(table.whole("in_flight", 1..=IN_FLIGHT_MAX)?.unwrap_or(16)),
            rate_per_second: table
                .whole("rate_per_second", 1..=RATE_PER_SECOND_MAX)?
                .and_then(|rate| u32::try_from(rate).ok()),
            deadline: millis(&table, "deadline_ms", COMMAND_SECONDS_MAX * 1_000)?,
            request_timeout: millis(&table, "request_timeout_ms", REQUEST_MILLIS)?,
            codes: codes(&table)?,
            rules: Rule::list(&table, "rules")?,
            acts: acts(&table, query.as_ref(), callback.is_some())?,
            query,
            callback,
            look_after: seconds(&table, "look_after_s", (LOOK_AFTER_SECONDS_MAX, 30))?,
            give_up_after: seconds(&table, "give_up_after_s", (GIVE_UP_SECONDS_MAX, 600))?,
            peer,
        };
        settings.check(&table)?;
        Ok(settings)
    }

    /// The same with its files in `data_dir`, where their paths are relative.
    pub(crate) fn placed(mut self, data_dir: &Path) -> Self {
        self.ca_file = self.ca_file.map(|file| data_dir.join(file));
        self.headers_mut().for_each(|header| header.placed(data_dir));
        self
    }

    fn headers_mut(&mut self) -> impl Iterator<Item = &mut Header> {
        let steps = self.acts.values_mut().flatten();
        let steps = steps.chain(self.query.as_mut().map(|query| &mut query.step));
        let own = self.base.headers.iter_mut().map(|(_, header)| header);
        own.chain(steps.flat_map(Step::headers_mut))
    }

    /// The names of what the requests send of a service: what must be read to put a SIM back as it was.
    pub(super) fn sent(&self) -> BTreeSet<&str> {
        let names = self.acts.values().flatten().flat_map(Step::names);
        names.filter(|name| OF_A_SERVICE.contains(name)).collect()
    }

    /// What of a command the requests have a place for.
    pub(super) fn abilities(&self) -> Abilities {
        let asked = self.query.iter().map(|query| &query.step);
        let mut steps = self.acts.values().flatten().chain(asked);
        let sent = self.sent();
        Abilities {
            needs_imsi: steps.any(|step| step.names().contains(&"imsi")),
            products: ["tariff", "apns", "boltons", "bars"].iter().any(|name| sent.contains(name)),
        }
    }

    /// What to do to a SIM that is not there, or is there otherwise than wanted.
    pub(super) fn finer(&self, act: Act) -> Act {
        if self.acts.contains_key(&act) { act } else { Act::Present }
    }

    /// Whether any act may be answered later.
    pub(super) fn answers_later(&self) -> bool {
        self.acts.values().flatten().any(|step| step.answers != Answers::AtOnce)
    }

    fn check(&self, table: &Table<'_>) -> Result<(), String> {
        let has = |act| self.acts.contains_key(&act);
        if !has(Act::Absent) {
            return Err(table.wants("`absent`: how a SIM is taken away"));
        }
        let apart = has(Act::Create) && has(Act::Update);
        if !(has(Act::Present) || apart) {
            return Err(table.wants("`present`, or both `create` and `update`"));
        }
        if has(Act::Present) && apart {
            return Err(table.wants("no `present`, as it has both `create` and `update`"));
        }
        if has(Act::Suspend) != has(Act::Resume) {
            return Err(table.wants("both `suspend` and `resume`, or none"));
        }
        let finer = [Act::Create, Act::Update, Act::Suspend];
        if let (None, Some(act)) = (&self.query, finer.into_iter().find(|act| has(*act))) {
            return Err(table.wants(&format!("`query`, because it has `{}`", act.as_str())));
        }
        let looked_at = |step: &Step| step.answers == Answers::Later;
        if self.query.is_none() && self.acts.values().flatten().any(looked_at) {
            return Err(table.wants("`query`, because it has `answer = \"later\"`"));
        }
        if Rule::any(&self.rules, Class::Accepted) {
            return Err(table.wants("its `accepted` rules at the requests that are answered later"));
        }
        // A report says that a SIM is as wanted: nothing may have to follow what it is about.
        let before = [Act::Present, Act::Create, Act::Update].map(|act| self.acts.get(&act));
        if has(Act::Suspend)
            && before.into_iter().flatten().flatten().any(|step| step.answers != Answers::AtOnce)
        {
            return Err(table
                .wants("no `suspend` and `resume`, as what comes before them is answered later"));
        }
        if self.request_timeout > self.deadline {
            return Err(table.wants("a `request_timeout_ms` that is not above its `deadline_ms`"));
        }
        Ok(())
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn millis(table: &Table<'_>, key: &str, otherwise: u64) -> Result<Duration, String> {
    let found = table.whole(key, 1..=COMMAND_SECONDS_MAX * 1_000)?;
    Ok(Duration::from_millis(found.unwrap_or(otherwise)))
}

fn seconds(
    table: &Table<'_>,
    key: &str,
    (most, otherwise): (u64, u64),
) -> Result<Duration, String> {
    let found = table.whole(key, 1..=most)?;
    Ok(Duration::from_secs(found.unwrap_or(otherwise)))
}

/// Where the element is, and the path under which all of its requests lie.
fn place(table: &Table<'_>) -> Result<(Peer, String), String> {
    let text = table.text("url")?.ok_or_else(|| table.wants("`url`"))?;
    located(text).ok_or_else(|| {
        let valid = "http:// or https://, a host, perhaps a port and a path, without user or query, like \
                     \"https://hss.example.net:8443/api\"";
        table.bad("url", valid, &Value::from(text))
    })
}

fn located(text: &str) -> Option<(Peer, String)> {
    let uri: Uri = text.parse().ok()?;
    let tls = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let authority = uri.authority()?;
    let plain = !authority.as_str().contains('@') && uri.query().is_none() && !text.contains('#');
    let port = match authority.port_u16() {
        Some(port) => port,
        // What is no port would be left out in silence.
        None if authority.as_str() != authority.host() => return None,
        None if tls => 443,
        None => 80,
    };
    let host = authority.host().to_owned();
    (plain && !host.is_empty() && port > 0)
        .then(|| (Peer { tls, host, port }, uri.path().trim_end_matches('/').to_owned()))
}

fn host(peer: &Peer) -> Result<HeaderValue, String> {
    let usual = if peer.tls { 443 } else { 80 };
    let text = match peer.port {
        port if port == usual => peer.host.clone(),
        port => format!("{}:{port}", peer.host),
    };
    HeaderValue::from_str(&text).map_err(|error| error.to_string())
}

fn networks(table: &Table<'_>) -> Result<Vec<IpNet>, String> {
    let Some(value) = table.map.get("allow_networks") else { return Ok(Vec::new()) };
    let list = value.as_array().and_then(|list| {
        list.iter().map(|entry| entry.as_str().and_then(|text| text.parse().ok())).collect()
    });
    let valid = "a list of networks, like [\"10.20.0.0/16\", \"fd00::/8\"]";
    list.ok_or_else(|| table.bad("allow_networks", valid, value))
}

fn codes(table: &Table<'_>) -> Result<Codes, String> {
    let kinds = ["tariff", "apns", "boltons", "bars", "state"];
    let Some(inner) = table_at(table, "codes", &kinds)? else { return Ok(Codes::default()) };
    let mut codes = BTreeMap::new();
    for (kind, value) in inner.map {
        let valid = "a table of our codes and the element's words, each word once";
        let words: Option<BTreeMap<String, String>> = value.as_object().and_then(|map| {
            map.iter().map(|(ours, word)| Some((ours.clone(), word.as_str()?.to_owned()))).collect()
        });
        let words = words.ok_or_else(|| inner.bad(kind, valid, value))?;
        let distinct: BTreeSet<_> = words.values().collect();
        if distinct.len() < words.len() {
            return Err(inner.bad(kind, valid, value));
        }
        codes.insert(kind.clone(), words);
    }
    Ok(Codes(codes))
}

fn query(table: &Table<'_>) -> Result<Option<Query>, String> {
    let known = OF_A_SIM.map(str::to_owned);
    let keys = [&REQUEST_KEYS[..], &Query::KEYS].concat();
    let Some(inner) = table_at(table, "query", &keys)? else { return Ok(None) };
    Query::read(&inner, &known).map(Some)
}

fn acts(
    table: &Table<'_>,
    query: Option<&Query>,
    calls_back: bool,
) -> Result<BTreeMap<Act, Vec<Step>>, String> {
    let mut acts = BTreeMap::new();
    for act in Act::ALL {
        let mut known: Vec<&str> = [&OF_A_SIM[..], &OF_A_COMMAND].concat();
        if act != Act::Absent {
            known.extend(OF_A_SERVICE);
        }
        if calls_back {
            known.push(CALLBACK);
        }
        let mut known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        // What the query takes is there only when the SIM is.
        let found = match act {
            Act::Create => false,
            Act::Present => table.map.contains_key("create"),
            Act::Absent | Act::Update | Act::Suspend | Act::Resume => true,
        };
        let taken = query.filter(|_| found).map(|query| query.step.take.iter());
        known.extend(taken.into_iter().flatten().map(|(name, _)| name.clone()));
        let steps = steps(table, act.as_str(), known)?;
        if !steps.is_empty() {
            acts.insert(act, steps);
        }
    }
    Ok(acts)
}

/// The requests of an act: a table for one, a list of tables for several. A later one may use what an earlier one took.
fn steps(table: &Table<'_>, key: &str, mut known: Vec<String>) -> Result<Vec<Step>, String> {
    if table.map.get(key).is_some_and(Value::is_object) {
        let one = table_at(table, key, &REQUEST_KEYS)?;
        return one.iter().map(|one| Step::read(one, &known, None)).collect();
    }
    let mut steps = Vec::new();
    for inner in tables(table, key, &REQUEST_KEYS, |inner| Ok(inner.clone()))? {
        if steps.last().is_some_and(|step: &Step| step.answers != Answers::AtOnce) {
            return Err(table
                .wants(&format!("the request that is answered later to be the last of `{key}`")));
        }
        let step = Step::read(&inner, &known, None)?;
        known.extend(step.take.iter().map(|(name, _)| name.clone()));
        steps.push(step);
    }
    Ok(steps)
}

fn callback(table: &Table<'_>) -> Result<Option<Callback>, String> {
    let keys = ["url", "rules"];
    let Some(inner) = table_at(table, "callback", &keys)? else { return Ok(None) };
    let text = inner.text("url")?.ok_or_else(|| inner.wants("`url`"))?;
    if located(text).is_none() || text.len() > CALLBACK_URL_BYTES_MAX {
        let valid = "the address under which the element reaches this server, like \"https://provisor.example.net\"";
        return Err(inner.bad("url", valid, &Value::from(text)));
    }
    let rules = Rule::list(&inner, "rules")?;
    if !Rule::any(&rules, Class::Success) {
        return Err(inner.wants("`rules`: at least one that is `success`"));
    }
    let other = [Class::Accepted, Class::Unavailable, Class::Unknown];
    if other.iter().any(|class| Rule::any(&rules, *class)) {
        return Err(inner.wants("`rules` that are `success`, `refused` or `later`"));
    }
    Ok(Some(Callback { url: text.trim_end_matches('/').to_owned(), rules }))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
