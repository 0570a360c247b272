//! The members of an object, asked for by name and type.
//!
//! A member that is absent, `null` or a blank text is missing (`None`), whatever its type; any other value of the
//! wrong type is an error that names the member and never its value.

use std::borrow::Cow;

use super::error::WireError;
use super::json::{Json, Member};

/// The members of the body, or of an object in it.
#[derive(Clone, Copy)]
pub(super) struct Members<'b> {
    /// How errors call the object: empty for the body itself.
    path: &'static str,
    list: &'b [Member<'b>],
}

impl<'b> Members<'b> {
    /// The members of the body.
    pub(super) fn new(list: &'b [Member<'b>]) -> Self {
        Self { path: "", list }
    }

    /// All of them, in the order sent.
    pub(super) fn list(self) -> &'b [Member<'b>] {
        self.list
    }

    /// A text.
    pub(super) fn text(self, name: &str) -> Result<Option<&'b str>, WireError> {
        match self.present(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.must_be(name, "a string")),
        }
    }

    /// An identifier: a text, or an integer as it was written.
    pub(super) fn identifier(self, name: &str) -> Result<Option<&'b str>, WireError> {
        let Some(value) = self.present(name) else { return Ok(None) };
        let found = identifier(value);
        found.map(Some).ok_or_else(|| self.must_be(name, "a string or an integer"))
    }

    /// Identifiers: a list of them, or one text that holds several, separated by comma, semicolon or blank.
    pub(super) fn identifiers(self, name: &str) -> Result<Vec<&'b str>, WireError> {
        let wrong = || self.must_be(name, "a string, an integer or a list of them");
        match self.present(name) {
            None => Ok(Vec::new()),
            Some(Json::Array(elements)) => {
                let found = elements.iter().map(|element| identifier(element).ok_or_else(wrong));
                let found: Result<Vec<_>, _> = found.collect();
                Ok(found?.into_iter().filter(|text| !is_blank(text)).collect())
            }
            Some(value) => {
                let text = identifier(value).ok_or_else(wrong)?;
                let parts = text.split(|c: char| c == ',' || c == ';' || c.is_whitespace());
                Ok(parts.filter(|part| !part.is_empty()).collect())
            }
        }
    }

    /// An object.
    pub(super) fn object(self, name: &'static str) -> Result<Option<Self>, WireError> {
        match self.present(name) {
            None => Ok(None),
            Some(Json::Object(list)) => Ok(Some(Self { path: name, list })),
            Some(_) => Err(self.must_be(name, "an object")),
        }
    }

    /// An error about one of the members.
    pub(super) fn must_be(self, name: &str, what: &str) -> WireError {
        let path: Cow<'_, str> = match self.path {
            "" => name.into(),
            outer => format!("{outer}.{name}").into(),
        };
        WireError::invalid(format!("'{path}' must be {what}."))
    }

    fn present(self, name: &str) -> Option<&'b Json<'b>> {
        let member = self.list.iter().find(|member| member.name == name)?;
        match &member.value {
            Json::Null => None,
            Json::Text(text) if is_blank(text) => None,
            value => Some(value),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn identifier<'b>(value: &'b Json<'b>) -> Option<&'b str> {
    match value {
        Json::Text(text) => Some(text),
        Json::Number(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits),
        _ => None,
    }
}
