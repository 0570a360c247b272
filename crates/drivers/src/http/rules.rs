//! What an answer means: conditions on its status and content, and the classes that rules put it into.

use std::time::Duration;

use hyper::header::RETRY_AFTER;
use provisor_domain::driver::Outcome;
use serde_json::{Map, Value};

use super::client::Reply;
use super::value::{self, Pointer, scalar};
use crate::table::Table;

/// Most rules in one list.
const RULES_MAX: usize = 64;

/// The status of a report, which has none.
pub(super) const REPORTED: u16 = 0;

/// An answer that was read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `None` where it is neither JSON nor XML.
    pub(super) content: Option<Value>,
    /// How long the element wants to be left alone, where it says so in seconds.
    pub(super) retry_after: Option<Duration>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let seconds = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Self {
            status: reply.status.as_u16(),
            content: value::read(&reply.body),
            retry_after: seconds.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs),
        }
    }
}

/// What must hold of an answer; everything that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// First and last status; empty for any.
    statuses: Vec<(u16, u16)>,
    content: Option<Content>,
}

/// What must hold of one place of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    at: Pointer,
    must: Be,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Be {
    Something,
    Nothing,
    OneOf(Vec<String>),
}

/// The keys of a condition.
pub(super) const CONDITION_KEYS: [&str; 4] = ["status", "at", "in", "missing"];

impl Condition {
    /// Reads `status`, `at`, `in` and `missing` of a table that may have other keys.
    pub(super) fn read(table: &Table<'_>) -> Result<Self, String> {
        let statuses = match table.map.get("status") {
            None => Vec::new(),
            Some(value) => statuses(value).ok_or_else(|| {
                let valid = "a list of statuses and classes of statuses, like [200, \"4xx\"]";
                table.bad("status", valid, value)
            })?,
        };
        let content = content(table)?;
        if statuses.is_empty() && content.is_none() {
            return Err(table.wants("`status` or `at`"));
        }
        Ok(Self { statuses, content })
    }

    pub(super) fn holds(&self, answer: &Answer) -> bool {
        let among = |(first, last): &(u16, u16)| (*first..=*last).contains(&answer.status);
        (self.statuses.is_empty() || self.statuses.iter().any(among))
            && self.content.as_ref().is_none_or(|content| content.holds(answer.content.as_ref()))
    }
}

impl Content {
    fn holds(&self, tree: Option<&Value>) -> bool {
        // What cannot be read neither has something nor lacks it.
        let Some(tree) = tree else { return false };
        let found = self.at.all(tree);
        match &self.must {
            Be::Something => !found.is_empty(),
            Be::Nothing => found.is_empty(),
            Be::OneOf(values) => {
                found.first().and_then(|value| scalar(value)).is_some_and(|it| values.contains(&it))
            }
        }
    }
}

fn statuses(value: &Value) -> Option<Vec<(u16, u16)>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    let one = |value: &Value| {
        if let Value::String(class) = value {
            let class: u16 = class.strip_suffix("xx")?.parse().ok()?;
            return (1..=5).contains(&class).then_some((class * 100, class * 100 + 99));
        }
        let status = u16::try_from(value.as_u64()?).ok()?;
        (100..=599).contains(&status).then_some((status, status))
    };
    list.iter().map(one).collect()
}

fn content(table: &Table<'_>) -> Result<Option<Content>, String> {
    let missing = table.flag("missing")?.unwrap_or(false);
    let Some(at) = pointer(table, "at")? else {
        return if missing || table.map.contains_key("in") {
            Err(table.wants("`at`, the place that `in` and `missing` are about"))
        } else {
            Ok(None)
        };
    };
    let must = match (table.map.get("in"), missing) {
        (None, false) => Be::Something,
        (None, true) => Be::Nothing,
        (Some(value), false) => {
            let list = value.as_array().filter(|list| !list.is_empty());
            let values = list.and_then(|list| list.iter().map(scalar).collect());
            let valid = "a list of texts, numbers, true and false";
            Be::OneOf(values.ok_or_else(|| table.bad("in", valid, value))?)
        }
        (Some(_), true) => return Err(table.wants("either `in` or `missing`")),
    };
    Ok(Some(Content { at, must }))
}

/// A pointer, where the key is there.
pub(super) fn pointer(table: &Table<'_>, key: &str) -> Result<Option<Pointer>, String> {
    let Some(value) = table.map.get(key) else { return Ok(None) };
    let parsed = value.as_str().and_then(Pointer::parse);
    let valid = "a pointer into the answer, like \"/subscriber/msisdn\" (\"\" is all of it)";
    parsed.map(Some).ok_or_else(|| table.bad(key, valid, value))
}

/// A list of tables, where the key is there, each read by `read`.
pub(super) fn tables<'a, T>(
    table: &Table<'a>,
    key: &str,
    known: &[&str],
    read: impl Fn(&Table<'a>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let Some(value) = table.map.get(key) else { return Ok(Vec::new()) };
    let list = value.as_array().filter(|list| (1..=RULES_MAX).contains(&list.len()));
    let valid = format!("a list of 1 to {RULES_MAX} tables");
    let list = list.ok_or_else(|| table.bad(key, &valid, value))?;
    let one = |(at, entry): (usize, &'a Value)| {
        let map = entry.as_object().ok_or_else(|| table.bad(key, &valid, value))?;
        read(&Table::new(table.key(&format!("{key}[{at}].")), map, known)?)
    };
    list.iter().enumerate().map(one).collect()
}

/// The classes that an answer can be put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It was done.
    Success,
    /// It will be done, and reported by callback.
    Accepted,
    /// It never will be done, and nothing was changed.
    Refused,
    /// It was not done now, and nothing was changed.
    Later,
    /// The element serves nobody now.
    Unavailable,
    /// It may have been done.
    Unknown,
}

const CLASSES: [(&str, Class); 6] = [
    ("success", Class::Success),
    ("accepted", Class::Accepted),
    ("refused", Class::Refused),
    ("later", Class::Later),
    ("unavailable", Class::Unavailable),
    ("unknown", Class::Unknown),
];

/// A rule: an answer of which the condition holds is of the class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    when: Condition,
    is: Class,
    /// What people are told; the element's own words may hold secrets.
    say: Option<String>,
}

impl Rule {
    /// The rules under `key`; of those after the first that holds none counts.
    pub(super) fn list(table: &Table<'_>, key: &str) -> Result<Vec<Self>, String> {
        let [status, at, one_of, missing] = CONDITION_KEYS;
        tables(table, key, &[status, at, one_of, missing, "is", "say"], Self::read)
    }

    fn read(table: &Table<'_>) -> Result<Self, String> {
        let word = table.map.get("is").unwrap_or(&Value::Null);
        let class = CLASSES.iter().find(|(name, _)| word.as_str() == Some(name));
        let valid = CLASSES.map(|(name, _)| name).join(", ");
        let (_, is) = class.ok_or_else(|| table.bad("is", &format!("one of {valid}"), word))?;
        let say = table.text("say")?.map(str::to_owned);
        Ok(Self { when: Condition::read(table)?, is: *is, say })
    }

    /// Whether any of the rules makes something `class`.
    pub(super) fn any(rules: &[Self], class: Class) -> bool {
        rules.iter().any(|rule| rule.is == class)
    }
}

/// What an answer is: by the first rule that holds, else by its status.
pub(super) fn classify<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    answer: &Answer,
    plain_success: Class,
) -> (Class, String) {
    let Answer { status, .. } = answer;
    match rules.into_iter().find(|rule| rule.when.holds(answer)) {
        Some(Rule { is, say: Some(say), .. }) => (*is, say.clone()),
        Some(Rule { is, .. }) if *status == REPORTED => (*is, "the element reported so".to_owned()),
        Some(Rule { is, .. }) => (*is, format!("HTTP status {status}, by a rule of its table")),
        None => by_status(*status, plain_success),
    }
}

fn by_status(status: u16, plain_success: Class) -> (Class, String) {
    let told = format!("HTTP status {status}");
    match status {
        200..=299 => (plain_success, told),
        300..=399 => {
            (Class::Unavailable, format!("{told}: it redirects, which is not followed; mend `url`"))
        }
        401 | 407 => (Class::Unavailable, format!("{told}: it does not take the credentials")),
        408 | 425 | 429 | 503 => (Class::Later, told),
        400..=499 => (Class::Refused, told),
        _ => (Class::Unknown, told),
    }
}

/// A failure class as an outcome; `None` for success and acceptance.
pub(super) fn failure(class: Class, reason: String, after: Option<Duration>) -> Option<Outcome> {
    match class {
        Class::Success | Class::Accepted => None,
        Class::Refused => Some(Outcome::Refused { reason }),
        Class::Later => Some(Outcome::Later { reason, after }),
        Class::Unavailable => Some(Outcome::Unavailable { reason }),
        Class::Unknown => Some(Outcome::Unknown { reason }),
    }
}

/// A table, where the key is there.
pub(super) fn table_at<'a>(
    table: &Table<'a>,
    key: &str,
    known: &[&str],
) -> Result<Option<Table<'a>>, String> {
    let Some(value) = table.map.get(key) else { return Ok(None) };
    let map: &Map<String, Value> =
        value.as_object().ok_or_else(|| table.bad(key, "a table", value))?;
    Table::new(table.key(&format!("{key}.")), map, known).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(list: &Value) -> Result<Vec<Rule>, String> {
        let map = json!({ "rules": list });
        Rule::list(&Table::new(String::new(), map.as_object().unwrap(), &["rules"])?, "rules")
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, content: value::read(body.as_bytes()), retry_after: None }
    }

    fn class(list: &Value, status: u16, body: &str) -> Class {
        classify(&rules(list).unwrap(), &answer(status, body), Class::Success).0
    }

    #[test]
    fn without_a_rule_the_status_decides() {
        for (status, wanted) in [
            (200, Class::Success),
            (204, Class::Success),
            (302, Class::Unavailable),
            (401, Class::Unavailable),
            (403, Class::Refused),
            (404, Class::Refused),
            (409, Class::Refused),
            (429, Class::Later),
            (503, Class::Later),
            (500, Class::Unknown),
            (502, Class::Unknown),
            (504, Class::Unknown),
        ] {
            assert_eq!(by_status(status, Class::Success).0, wanted, "{status}");
        }
        assert_eq!(by_status(202, Class::Accepted).0, Class::Accepted);
    }

    #[test]
    fn the_first_rule_that_holds_decides() {
        let list = json!([
            { "status": [409], "at": "/code", "in": ["busy", 7], "is": "later" },
            { "status": ["4xx"], "is": "unknown" },
            { "at": "/error", "is": "refused", "say": "the element says no" },
            { "at": "/id", "missing": true, "is": "unknown" },
        ]);
        assert_eq!(class(&list, 409, r#"{"code":"busy"}"#), Class::Later);
        assert_eq!(class(&list, 409, r#"{"code":7}"#), Class::Later);
        assert_eq!(class(&list, 409, r#"{"code":8}"#), Class::Unknown);
        assert_eq!(class(&list, 200, r#"{"error":{"x":1},"id":1}"#), Class::Refused);
        assert_eq!(class(&list, 200, r#"{"error":null,"id":1}"#), Class::Success);
        assert_eq!(class(&list, 200, "{}"), Class::Unknown);
        assert_eq!(class(&list, 200, "<error/>"), Class::Refused);
        assert_eq!(class(&list, 200, "gibberish"), Class::Success, "it neither has nor lacks it");
        let (_, said) =
            classify(&rules(&list).unwrap(), &answer(200, r#"{"error":1}"#), Class::Success);
        assert_eq!(said, "the element says no");
    }

    #[test]
    fn a_bad_rule_is_named_together_with_what_would_be_right() {
        for (list, message) in [
            (json!([]), "`rules` must be a list of 1 to 64 tables"),
            (json!([{ "is": "done", "status": [200] }]), "`rules[0].is` must be one of success,"),
            (json!([{ "is": "later" }]), "`rules[0]` needs `status` or `at`"),
            (json!([{ "is": "later", "status": [99] }]), "`rules[0].status` must be a list of"),
            (json!([{ "is": "later", "status": ["6xx"] }]), "`rules[0].status` must be"),
            (json!([{ "is": "later", "in": [1] }]), "`rules[0]` needs `at`"),
            (json!([{ "is": "later", "at": "x" }]), "`rules[0].at` must be a pointer"),
            (json!([{ "is": "later", "at": "/x", "in": [[1]] }]), "`rules[0].in` must be a list"),
            (
                json!([{ "is": "later", "at": "/x", "like": "y" }]),
                "unknown setting `rules[0].like`",
            ),
        ] {
            let error = rules(&list).unwrap_err();
            assert!(error.contains(message), "{list}: {error}");
        }
    }
}
