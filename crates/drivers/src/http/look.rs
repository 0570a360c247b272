//! What the element has for a SIM: the query, and how what it says compares with what is wanted.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Method;
use provisor_domain::driver::{NetworkStatus, Subscription};
use provisor_domain::{ApnCode, BarCode, BoltonCode, Msisdn};
use serde_json::Value;

use super::request::Step;
use super::rules::{Answer, CONDITION_KEYS, Condition, pointer, tables};
use super::settings::Codes;
use super::value::{Pointer, scalar};
use crate::table::Table;

/// What a service has besides its suspension: the numbers and codes of each kind.
const KINDS: [&str; 5] = ["msisdn", "tariff", "apns", "boltons", "bars"];
/// The placeholders that say whether it is suspended.
pub(super) const OF_SUSPENSION: [&str; 3] = ["suspended", "active", "state"];
/// Most letters of what an element has that are shown.
const SHOWN_CHARS_MAX: usize = 40;

/// A query of one SIM.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) step: Step,
    absent: Vec<Condition>,
    suspended: Vec<Condition>,
    active: Vec<Condition>,
    facts: BTreeMap<&'static str, Pointer>,
}

/// A service as it is to be, or to be again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    facts: Facts,
    pub(super) suspended: bool,
}

/// By kind; a number and a tariff are lists of one at most.
type Facts = BTreeMap<&'static str, Vec<String>>;

/// What the element has for a SIM that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Only the kinds that the query reads.
    facts: Facts,
    suspension: Suspension,
    /// What the query took for other requests.
    pub(super) taken: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspension {
    No,
    Yes,
    /// Neither: it is half of both, or something else is the matter.
    Neither,
    /// The query does not read it.
    Unread,
}

/// How a SIM that is there differs from what is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// In words, by kind.
    pub(super) facts: Vec<String>,
    /// Whether its suspension does.
    pub(super) suspension: Option<String>,
}

impl Query {
    /// Its keys besides those of a request.
    pub(super) const KEYS: [&'static str; 8] =
        ["absent", "suspended", "active", "msisdn", "tariff", "apns", "boltons", "bars"];

    pub(super) fn read(table: &Table<'_>, known: &[String]) -> Result<Self, String> {
        let conditions = |key| tables(table, key, &CONDITION_KEYS, |inner| Condition::read(inner));
        let mut facts = BTreeMap::new();
        for kind in KINDS {
            if let Some(pointer) = pointer(table, kind)? {
                facts.insert(kind, pointer);
            }
        }
        let query = Self {
            step: Step::read(table, known, Some(Method::GET))?,
            absent: conditions("absent")?,
            suspended: conditions("suspended")?,
            active: conditions("active")?,
            facts,
        };
        if query.absent.is_empty() {
            let what = "`absent`: how it is seen that the element does not know a SIM, like [{ status = [404] }]";
            return Err(table.wants(what));
        }
        if query.suspended.is_empty() && !query.active.is_empty() {
            return Err(table.wants("`suspended`, because it has `active`"));
        }
        Ok(query)
    }

    /// Whether the answer says that the SIM is not known.
    pub(super) fn is_absent(&self, answer: &Answer) -> bool {
        self.absent.iter().any(|condition| condition.holds(answer))
    }

    /// What the answer says of a SIM that is known; the error says what cannot be read.
    pub(super) fn found(&self, answer: &Answer, codes: &Codes) -> Result<Found, String> {
        let tree = answer.content.as_ref().ok_or("its answer is neither JSON nor XML")?;
        let mut taken = BTreeMap::new();
        for (name, pointer) in &self.step.take {
            let text = pointer.text(tree).ok_or_else(|| format!("its answer has no `{name}`"))?;
            taken.insert(name.clone(), text);
        }
        let facts = self.facts.iter().map(|(kind, at)| (*kind, read(kind, at, tree, codes)));
        Ok(Found { facts: facts.collect(), suspension: self.suspension(answer), taken })
    }

    fn suspension(&self, answer: &Answer) -> Suspension {
        let holds = |list: &[Condition]| list.iter().any(|condition| condition.holds(answer));
        match (holds(&self.suspended), holds(&self.active)) {
            _ if self.suspended.is_empty() => Suspension::Unread,
            (true, false) => Suspension::Yes,
            (false, true) => Suspension::No,
            (false, false) if self.active.is_empty() => Suspension::No,
            _ => Suspension::Neither,
        }
    }
}

/// The values of a kind, in our codes and in an order of their own.
fn read(kind: &str, at: &Pointer, tree: &Value, codes: &Codes) -> Vec<String> {
    let found = at.all(tree).into_iter().flat_map(|value| match value {
        Value::Array(list) => list.iter().filter_map(scalar).collect(),
        other => scalar(other).into_iter().collect::<Vec<_>>(),
    });
    let mut values: Vec<String> = match kind {
        "msisdn" => found
            .map(|text| text.parse::<Msisdn>().map_or(text, |number| number.to_string()))
            .collect(),
        "tariff" => found.map(|word| codes.ours(kind, word)).collect(),
        // A list may come as one text.
        _ => found
            .flat_map(|text| text.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>())
            .map(|word| codes.ours(kind, word))
            .collect(),
    };
    values.retain(|value| !value.is_empty());
    values.sort_unstable();
    values
}

impl From<&Subscription> for Service {
    fn from(wanted: &Subscription) -> Self {
        let products = &wanted.products;
        let msisdn = wanted.msisdn.iter().map(Msisdn::to_string).collect();
        let facts = [
            ("msisdn", msisdn),
            ("tariff", vec![wanted.tariff.to_string()]),
            ("apns", products.apns.iter().map(ApnCode::to_string).collect()),
            ("boltons", products.boltons.iter().map(BoltonCode::to_string).collect()),
            ("bars", products.bars.iter().map(|bar| BarCode::to_string(&bar.code)).collect()),
        ];
        Self { facts: facts.into(), suspended: products.suspended() }
    }
}

impl Service {
    /// The values of a kind.
    pub(super) fn values(&self, kind: &str) -> &[String] {
        self.facts.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Our word for its suspension.
    pub(super) fn state(&self) -> &'static str {
        if self.suspended { "suspended" } else { "active" }
    }
}

impl Found {
    /// The status, as far as the query tells.
    pub(super) fn status(&self) -> NetworkStatus {
        match self.suspension {
            Suspension::No | Suspension::Unread => NetworkStatus::Active,
            Suspension::Yes => NetworkStatus::Suspended,
            Suspension::Neither => NetworkStatus::Unknown,
        }
    }

    /// How it differs from `wanted`, in what the query reads.
    pub(super) fn differs(&self, wanted: &Service) -> Differences {
        let facts = self.facts.iter().filter_map(|(kind, found)| {
            let mut values = wanted.values(kind).to_vec();
            values.sort_unstable();
            (*found != values).then(|| format!("{kind} {}, not {}", shown(found), shown(&values)))
        });
        let word = |suspended| if suspended { "suspended" } else { "active" };
        let suspension = match (self.suspension, wanted.suspended) {
            (Suspension::Unread, _) | (Suspension::Yes, true) | (Suspension::No, false) => None,
            (Suspension::Neither, wanted) => {
                Some(format!("neither active nor suspended, not {}", word(wanted)))
            }
            (Suspension::Yes | Suspension::No, wanted) => {
                Some(format!("{}, not {}", word(!wanted), word(wanted)))
            }
        };
        Differences { facts: facts.collect(), suspension }
    }

    /// The service that it is, where the query reads all that is `sent`.
    pub(super) fn service(&self, sent: &BTreeSet<&str>) -> Option<Service> {
        let suspended = match self.suspension {
            Suspension::Yes => true,
            Suspension::No => false,
            Suspension::Unread if OF_SUSPENSION.iter().all(|name| !sent.contains(name)) => false,
            Suspension::Neither | Suspension::Unread => return None,
        };
        let is_read = |kind: &&&str| !KINDS.contains(*kind) || self.facts.contains_key(**kind);
        (sent.iter().filter(|kind| !is_read(kind)).count() == 0)
            .then(|| Service { facts: self.facts.clone(), suspended })
    }
}

impl Differences {
    pub(super) fn is_none(&self) -> bool {
        self.facts.is_empty() && self.suspension.is_none()
    }

    pub(super) fn words(&self) -> String {
        let all: Vec<&str> =
            self.facts.iter().chain(&self.suspension).map(String::as_str).collect();
        all.join("; ")
    }
}

/// Values in one line, not longer than they need to be.
fn shown(values: &[String]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    let line = values.join(",");
    let letters = line.chars().map(|c| if c.is_control() { ' ' } else { c });
    letters.take(SHOWN_CHARS_MAX).collect()
}
