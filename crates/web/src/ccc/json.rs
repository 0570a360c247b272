//! The body of a request as JSON, read strictly: what is ambiguous is an error, never a guess.
//!
//! Over `serde_json`'s tokens, with three things it does not do by itself: a member given twice is an error at any
//! depth, nesting has the contract's limit, and integers stay the text they were sent as (an ICCID of 22 digits
//! fits no machine number).
//!
//! Invariant: reading never panics and never recurses deeper than [`BODY_DEPTH_MAX`]; an error never holds a value.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use provisor_domain::limits::BODY_DEPTH_MAX;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::error::WireError;

/// Up to so many members are compared one by one to find a name given twice; more are hashed.
const MEMBERS_COMPARED_MAX: usize = 16;
/// Longest name of a member that an error repeats, in bytes.
const NAME_SHOWN_BYTES_MAX: usize = 64;

/// A JSON value. Texts without escapes are borrowed from the body. Has no `Debug`, because a body holds passwords.
#[derive(Clone, PartialEq)]
pub(super) enum Json<'b> {
    Null,
    Bool(bool),
    /// An integer as it was sent, of any length; any other number in some spelling with a point or an exponent.
    Number(String),
    Text(Cow<'b, str>),
    Array(Vec<Self>),
    /// In the order sent, no name twice.
    Object(Vec<Member<'b>>),
}

/// A member of an object.
#[derive(Clone, PartialEq)]
pub(super) struct Member<'b> {
    pub(super) name: Cow<'b, str>,
    pub(super) value: Json<'b>,
}

/// Reads a body that must be a JSON object, and answers its members.
pub(super) fn read(body: &[u8]) -> Result<Vec<Member<'_>>, WireError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| WireError::not_an_object("the body is not UTF-8."))?;
    let problem = RefCell::new(None);
    let mut tokens = serde_json::Deserializer::from_str(text);
    let value = Reader { level: 1, problem: &problem }.deserialize(&mut tokens);
    let members = match value.and_then(|value| tokens.end().map(|()| value)) {
        Ok(Json::Object(members)) => members,
        Ok(_) => return Err(WireError::not_an_object("the body is not a JSON object.")),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let what = format!("the body is not JSON (line {line}, column {column}).");
            return Err(WireError::not_an_object(what));
        }
    };
    match problem.into_inner() {
        None => Ok(members),
        Some(what) => Err(WireError::invalid(what)),
    }
}

/// Reads one value at a level of nesting. The first problem that leaves the body a JSON object is noted; reading
/// goes on, because what is no JSON at all is told first.
#[derive(Clone, Copy)]
struct Reader<'p> {
    level: usize,
    problem: &'p RefCell<Option<String>>,
}

impl Reader<'_> {
    fn note(self, what: impl FnOnce() -> String) {
        self.problem.borrow_mut().get_or_insert_with(what);
    }

    /// A reader of what is inside; `None`, and a note, when that is too deep. (Level 1 is the body itself.)
    fn inside(self) -> Option<Self> {
        if self.level > BODY_DEPTH_MAX {
            self.note(|| format!("nested deeper than {BODY_DEPTH_MAX}."));
            return None;
        }
        Some(Self { level: self.level + 1, ..self })
    }
}

impl<'b> DeserializeSeed<'b> for Reader<'_> {
    type Value = Json<'b>;
    fn deserialize<D: Deserializer<'b>>(self, tokens: D) -> Result<Json<'b>, D::Error> {
        tokens.deserialize_any(self)
    }
}

impl<'b> Visitor<'b> for Reader<'_> {
    type Value = Json<'b>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'b>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'b>, E> {
        Ok(Json::Bool(value))
    }

    // Whole numbers that fit a machine word come as one; written out they are what was sent.
    fn visit_u64<E>(self, number: u64) -> Result<Json<'b>, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'b>, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'b>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'b str) -> Result<Json<'b>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut elements: A) -> Result<Json<'b>, A::Error> {
        let mut array = Vec::new();
        match self.inside() {
            Some(inside) => {
                while let Some(element) = elements.next_element_seed(inside)? {
                    array.push(element);
                }
            }
            None => while elements.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'b>>(self, mut members: A) -> Result<Json<'b>, A::Error> {
        let mut object = Vec::new();
        let mut names = Names::default();
        while let Some(key) = members.next_key_seed(KeyReader)? {
            let name = match key {
                Key::Name(name) => name,
                Key::Number => return members.next_value().map(Json::Number),
            };
            let Some(inside) = self.inside() else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = members.next_value_seed(inside)?;
            if names.seen_before(&object, &name) {
                self.note(|| given_twice(&name));
            } else {
                object.push(Member { name, value });
            }
        }
        Ok(Json::Object(object))
    }
}

fn given_twice(name: &str) -> String {
    if name.len() <= NAME_SHOWN_BYTES_MAX && !name.chars().any(char::is_control) {
        format!("member '{name}' given twice.")
    } else {
        "a member given twice.".to_owned()
    }
}

/// The names of one object: few are compared, many are hashed, so that no body makes it slow.
#[derive(Default)]
struct Names(HashSet<Box<str>>);

impl Names {
    fn seen_before(&mut self, members: &[Member<'_>], name: &str) -> bool {
        if members.len() < MEMBERS_COMPARED_MAX {
            return members.iter().any(|member| member.name == name);
        }
        if self.0.is_empty() {
            self.0.extend(members.iter().map(|member| Box::from(&*member.name)));
        }
        !self.0.insert(name.into())
    }
}

/// What stands where an object has a name.
enum Key<'b> {
    Name(Cow<'b, str>),
    /// Not an object: `serde_json` hands out any other number as a map with one made-up key, its text as value.
    Number,
}

/// Tells a name that was sent from the made-up one, whatever was sent: only a name is "something" that is optional.
struct KeyReader;

impl<'b> DeserializeSeed<'b> for KeyReader {
    type Value = Key<'b>;
    fn deserialize<D: Deserializer<'b>>(self, key: D) -> Result<Key<'b>, D::Error> {
        key.deserialize_option(self)
    }
}

impl<'b> Visitor<'b> for KeyReader {
    type Value = Key<'b>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_some<D: Deserializer<'b>>(self, key: D) -> Result<Key<'b>, D::Error> {
        match (Reader { level: 1, problem: &RefCell::new(None) }).deserialize(key)? {
            Json::Text(name) => Ok(Key::Name(name)),
            _ => Err(D::Error::custom("a name that is no text")),
        }
    }

    fn visit_borrowed_str<E>(self, _made_up: &'b str) -> Result<Key<'b>, E> {
        Ok(Key::Number)
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
