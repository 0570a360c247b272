//! The body of a request as JSON, read strictly: what is ambiguous is an error, never a guess.
//!
//! Over `serde_json`'s tokens, with four things it does not do by itself: a member given twice is an error at any
//! depth, nesting has the contract's limit, the number of values has one too, and integers stay the text they were
//! sent as (an ICCID of 22 digits fits no machine number).
//!
//! Invariant: reading never panics and never recurses deeper than [`BODY_DEPTH_MAX`]; an error never holds a value.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use provisor_domain::limits::{BODY_DEPTH_MAX, BODY_VALUES_MAX};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
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
    let notes = Notes::default();
    let mut tokens = serde_json::Deserializer::from_str(text);
    let value = Reader { level: 1, notes: &notes }.deserialize(&mut tokens);
    let members = match value.and_then(|value| tokens.end().map(|()| value)) {
        Ok(Json::Object(members)) => members,
        Ok(_) => return Err(WireError::not_an_object("the body is not a JSON object.")),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let what = format!("the body is not JSON (line {line}, column {column}).");
            return Err(WireError::not_an_object(what));
        }
    };
    match notes.problem.into_inner() {
        None => Ok(members),
        Some(what) => Err(WireError::invalid(what)),
    }
}

/// What is noted while reading. The first problem that leaves the body a JSON object is told; reading goes on after
/// it, because what is no JSON at all is told first.
#[derive(Default)]
struct Notes {
    problem: RefCell<Option<String>>,
    values: Cell<usize>,
}

/// Reads one value at a level of nesting.
#[derive(Clone, Copy)]
struct Reader<'n> {
    level: usize,
    notes: &'n Notes,
}

impl Reader<'_> {
    fn note(self, what: impl FnOnce() -> String) {
        self.notes.problem.borrow_mut().get_or_insert_with(what);
    }

    /// Whether a list or object of this level nests too deep (the body itself is level 1).
    fn too_deep(self) -> bool {
        if self.level > BODY_DEPTH_MAX {
            self.note(|| format!("nested deeper than {BODY_DEPTH_MAX}."));
        }
        self.level > BODY_DEPTH_MAX
    }

    /// Whether so many values were read that none is kept any more.
    fn full(self) -> bool {
        if self.notes.values.get() > BODY_VALUES_MAX {
            self.note(|| format!("more than {BODY_VALUES_MAX} values."));
        }
        self.notes.values.get() > BODY_VALUES_MAX
    }

    fn inside(self) -> Self {
        Self { level: self.level + 1, ..self }
    }
}

impl<'b> DeserializeSeed<'b> for Reader<'_> {
    type Value = Json<'b>;
    fn deserialize<D: Deserializer<'b>>(self, tokens: D) -> Result<Json<'b>, D::Error> {
        self.notes.values.set(self.notes.values.get() + 1);
        if self.full() {
            return IgnoredAny::deserialize(tokens).map(|_| Json::Null);
        }
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
        if self.too_deep() {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Json::Array(array));
        }
        while let Some(element) = elements.next_element_seed(self.inside())? {
            if !self.full() {
                array.push(element);
            }
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'b>>(self, mut members: A) -> Result<Json<'b>, A::Error> {
        let mut object = Vec::new();
        let mut names = Names::default();
        let mut key = members.next_key_seed(KeyReader)?;
        if matches!(key, Some(Key::Number)) {
            return members.next_value().map(Json::Number);
        }
        let too_deep = self.too_deep();
        while let Some(Key::Name(name)) = key {
            if too_deep {
                members.next_value::<IgnoredAny>()?;
            } else {
                let value = members.next_value_seed(self.inside())?;
                if !self.full() {
                    if names.seen_before(&object, &name) {
                        self.note(|| given_twice(&name));
                    } else {
                        object.push(Member { name, value });
                    }
                }
            }
            key = members.next_key_seed(KeyReader)?;
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
        match (Reader { level: 1, notes: &Notes::default() }).deserialize(key)? {
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
