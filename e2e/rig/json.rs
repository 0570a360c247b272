//! JSON as it was written: member order, duplicates and the spelling of numbers are kept, white space is not.
//! A map type would hide exactly what the documents' readers may stumble over.

use std::fmt;

/// A JSON value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    /// A string with its quotes and escapes, a number, `true`, `false` or `null`, as spelled.
    Leaf(String),
}

impl Json {
    /// Parses the whole of `text`; panics on anything that is not one JSON value.
    pub(crate) fn parse(text: &str) -> Self {
        let valid: Result<serde_json::Value, _> = serde_json::from_str(text);
        assert!(valid.is_ok(), "not JSON: {valid:?} in {text}");
        let mut rest = text.trim();
        let value = take_value(&mut rest);
        assert!(rest.trim().is_empty(), "more than one value: {text}");
        value
    }

    /// This value without the member at `path` (dots between names); without effect where there is none.
    pub(crate) fn without(mut self, path: &str) -> Self {
        if let Self::Object(members) = &mut self {
            match path.split_once('.') {
                None => members.retain(|(name, _)| name != path),
                Some((head, tail)) => {
                    for (_, value) in members.iter_mut().filter(|(name, _)| name == head) {
                        *value = value.clone().without(tail);
                    }
                }
            }
        }
        self
    }

    /// This value with the members of every object in alphabetic order.
    pub(crate) fn sorted(self) -> Self {
        match self {
            Self::Object(mut members) => {
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                Self::Object(members.into_iter().map(|(k, v)| (k, v.sorted())).collect())
            }
            Self::Array(items) => Self::Array(items.into_iter().map(Self::sorted).collect()),
            leaf @ Self::Leaf(_) => leaf,
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(members) => {
                let inner: Vec<_> = members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                write!(f, "{{{}}}", inner.join(","))
            }
            Self::Array(items) => {
                let inner: Vec<_> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", inner.join(","))
            }
            Self::Leaf(text) => f.write_str(text),
        }
    }
}

// The text is known to be valid JSON from here on, so every step may take the next character for granted.

fn take_value(rest: &mut &str) -> Json {
    *rest = rest.trim_start();
    match rest.as_bytes()[0] {
        b'{' => Json::Object(take_items(rest, '}', |rest| {
            let name = take_leaf(rest);
            skip(rest, ':');
            (name.trim_matches('"').to_owned(), take_value(rest))
        })),
        b'[' => Json::Array(take_items(rest, ']', take_value)),
        _ => Json::Leaf(take_leaf(rest)),
    }
}

fn take_items<T>(rest: &mut &str, end: char, mut item: impl FnMut(&mut &str) -> T) -> Vec<T> {
    *rest = &rest[1..];
    let mut items = Vec::new();
    loop {
        *rest = rest.trim_start();
        if rest.starts_with(end) {
            *rest = &rest[1..];
            return items;
        }
        if !items.is_empty() {
            skip(rest, ',');
        }
        items.push(item(rest));
    }
}

fn skip(rest: &mut &str, mark: char) {
    *rest = rest.trim_start().strip_prefix(mark).expect("valid JSON has it here");
}

fn take_leaf(rest: &mut &str) -> String {
    *rest = rest.trim_start();
    let length = if rest.starts_with('"') {
        let mut escaped = false;
        let closing = rest.char_indices().skip(1).find(|&(_, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        closing.expect("valid JSON closes its strings").0 + 1
    } else {
        rest.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(rest.len())
    };
    let (leaf, after) = rest.split_at(length);
    *rest = after;
    leaf.to_owned()
}

#[test]
fn order_duplicates_and_spelling_are_kept() {
    let text = r#" {"b": [1.0, "x\"]"], "a" : {} , "b":null } "#;
    let json = Json::parse(text);
    assert_eq!(json.to_string(), r#"{"b":[1.0,"x\"]"],"a":{},"b":null}"#);
    assert_eq!(json.clone().without("b").to_string(), r#"{"a":{}}"#);
    assert_eq!(json.sorted().to_string(), r#"{"a":{},"b":[1.0,"x\"]"],"b":null}"#);
}
