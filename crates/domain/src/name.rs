//! The name of a service, as its customer reads it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Malformed;
use crate::limits::NAME_CHARS_MAX;

/// 1 to 50 Unicode scalar values, no control characters, not only blanks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

impl Name {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Malformed;
    fn from_str(raw: &str) -> Result<Self, Malformed> {
        let fits = raw.chars().count() <= NAME_CHARS_MAX && !raw.chars().any(char::is_control);
        if fits && !raw.trim().is_empty() {
            Ok(Self(raw.into()))
        } else {
            Err(Malformed {
                what: "name",
                rule: "1 to 50 characters, none of them a control character",
            })
        }
    }
}

impl TryFrom<String> for Name {
    type Error = Malformed;
    fn try_from(raw: String) -> Result<Self, Malformed> {
        raw.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
