//! Templates: texts with placeholders like `{iccid}`, and how values are put into each kind of place.
//!
//! A value can never end the place it is put into: in a path it is one segment or one value of the query (RFC 3986), in a
//! header visible ASCII (RFC 9110), in XML text (XML 1.0), and JSON is made from values, not from text. `{{` and `}}`
//! stand for the braces themselves. A placeholder that is not known where it stands is refused when the settings are read.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

/// Deepest nesting of a JSON template.
const JSON_DEPTH_MAX: usize = 16;

/// A name in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placeholder {
    /// What it stands for.
    pub(super) name: String,
    form: Form,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is: in JSON a list is a list.
    Plain,
    /// `{apns:csv}`: a list as one text, with commas.
    Csv,
    /// `{tariff:number}`: a JSON number.
    Number,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Placeholder),
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

/// A JSON value whose texts are templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JsonTemplate {
    Fixed(Value),
    Text(Template),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// What a placeholder stands for at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Datum {
    Text(String),
    List(Vec<String>),
    Flag(bool),
    /// The service has none.
    Nothing,
}

/// Finds what a name stands for; the error says why it cannot.
pub(super) type Lookup<'a> = &'a (dyn Fn(&str) -> Result<Datum, String> + Sync);

impl Template {
    /// Reads a template. `known` says whether a name may be used here.
    pub(super) fn parse(text: &str, known: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut rest = text.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '{' | '}' if rest.next_if_eq(&letter).is_some() => plain.push(letter),
                '{' => {
                    let mut inside = String::new();
                    let closed = rest.by_ref().any(|c| {
                        c == '}' || {
                            inside.push(c);
                            false
                        }
                    });
                    if !closed {
                        return Err(
                            "has a `{` without its `}` (write `{{` for the brace itself)".into()
                        );
                    }
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Place(Placeholder::parse(&inside, known)?));
                }
                '}' => {
                    return Err(
                        "has a `}` without its `{` (write `}}` for the brace itself)".into()
                    );
                }
                other => plain.push(other),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(&*place.name),
            Piece::Text(_) => None,
        })
    }

    /// Path and query of a URL. Every value is percent-encoded; none may be missing, or make a segment of dots.
    pub(super) fn path(&self, lookup: Lookup<'_>) -> Result<String, String> {
        let path = self.fill(lookup, |name, value, into| {
            if value.is_empty() {
                return Err(format!("the path needs {{{name}}}, which is empty"));
            }
            for byte in value.bytes() {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        into.push(byte.into());
                    }
                    // Writing to a String cannot fail.
                    _ => drop(write!(into, "%{byte:02X}")),
                }
            }
            Ok(())
        })?;
        let segments = path.split('?').next().unwrap_or_default().split('/');
        match segments.into_iter().find(|segment| matches!(*segment, "." | "..")) {
            Some(dots) => Err(format!("the path would have a segment {dots:?}")),
            None => Ok(path),
        }
    }

    /// A header's value.
    pub(super) fn header(&self, lookup: Lookup<'_>) -> Result<String, String> {
        self.fill(lookup, |name, value, into| {
            if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!(
                    "{{{name}}} cannot stand in a header: it is not visible ASCII"
                ));
            }
            into.push_str(value);
            Ok(())
        })
    }

    /// XML, each value in a text or an attribute's value.
    pub(super) fn xml(&self, lookup: Lookup<'_>) -> Result<String, String> {
        self.fill(lookup, |name, value, into| {
            for letter in value.chars() {
                match letter {
                    '&' => into.push_str("&amp;"),
                    '<' => into.push_str("&lt;"),
                    '>' => into.push_str("&gt;"),
                    '"' => into.push_str("&quot;"),
                    '\'' => into.push_str("&apos;"),
                    // XML 1.0, section 2.2: no other control character, no noncharacter at the end of the plane.
                    '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                        return Err(format!("{{{name}}} has a character that XML does not have"));
                    }
                    other => into.push(other),
                }
            }
            Ok(())
        })
    }

    /// As it is, for places that need no escaping.
    fn text(&self, lookup: Lookup<'_>) -> Result<String, String> {
        self.fill(lookup, |_, value, into| {
            into.push_str(value);
            Ok(())
        })
    }

    fn fill(
        &self,
        lookup: Lookup<'_>,
        put: impl Fn(&str, &str, &mut String) -> Result<(), String>,
    ) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Place(place) => {
                    put(&place.name, &lookup(&place.name)?.into_text(), &mut filled)?;
                }
            }
        }
        Ok(filled)
    }
}

impl Placeholder {
    fn parse(inside: &str, known: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        let (name, form) = inside.split_once(':').unwrap_or((inside, ""));
        let form = match form {
            "" if !inside.contains(':') => Form::Plain,
            "csv" => Form::Csv,
            "number" => Form::Number,
            _ => return Err(format!("has {{{inside}}}; the forms are `:csv` and `:number`")),
        };
        if !known(name) {
            return Err(format!("has {{{name}}}, which is not known there"));
        }
        Ok(Self { name: name.to_owned(), form })
    }

    fn json(&self, lookup: Lookup<'_>) -> Result<Value, String> {
        let datum = lookup(&self.name)?;
        Ok(match (self.form, datum) {
            (_, Datum::Nothing) => Value::Null,
            (Form::Plain, Datum::Text(text)) => Value::String(text),
            (Form::Plain, Datum::List(list)) => list.into(),
            (Form::Plain, Datum::Flag(flag)) => Value::Bool(flag),
            (Form::Csv, datum) => Value::String(datum.into_text()),
            (Form::Number, datum) => {
                let text = datum.into_text();
                let number: Result<Number, _> = text.parse();
                Value::Number(
                    number.map_err(|_| format!("{{{}}} is {text:?}, no number", self.name))?,
                )
            }
        })
    }
}

impl Datum {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(list) => list.join(","),
            Self::Flag(flag) => flag.to_string(),
            Self::Nothing => String::new(),
        }
    }
}

impl JsonTemplate {
    /// Reads a table of the catalogue as a template.
    pub(super) fn parse(value: &Value, known: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        Self::within(value, known, JSON_DEPTH_MAX)
    }

    fn within(value: &Value, known: &dyn Fn(&str) -> bool, depth: usize) -> Result<Self, String> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(format!("is nested more than {JSON_DEPTH_MAX} deep"));
        };
        Ok(match value {
            Value::String(text) => Self::Text(Template::parse(text, known)?),
            Value::Array(list) => {
                let read = list.iter().map(|value| Self::within(value, known, depth));
                Self::List(read.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let read = members.iter().map(|(name, value)| {
                    Ok::<_, String>((name.clone(), Self::within(value, known, depth)?))
                });
                Self::Object(read.collect::<Result<_, _>>()?)
            }
            fixed => Self::Fixed(fixed.clone()),
        })
    }

    /// The names in it.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(template) => template.names().collect(),
            Self::List(list) => list.iter().flat_map(Self::names).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, value)| value.names()).collect(),
        }
    }

    /// The value. A text that is one placeholder and nothing else becomes what it stands for (a list, true, null).
    pub(super) fn fill(&self, lookup: Lookup<'_>) -> Result<Value, String> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => match template.0.as_slice() {
                [Piece::Place(place)] => place.json(lookup)?,
                _ => Value::String(template.text(lookup)?),
            },
            Self::List(list) => {
                Value::Array(list.iter().map(|value| value.fill(lookup)).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let filled =
                    members.iter().map(|(name, value)| Ok((name.clone(), value.fill(lookup)?)));
                Value::Object(filled.collect::<Result<Map<_, _>, String>>()?)
            }
        })
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
