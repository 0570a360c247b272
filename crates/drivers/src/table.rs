//! Reading of a driver's settings from its `[[network]]` table.
//!
//! Invariant: every refusal is one line that names the key, says what is valid and shows what was found.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// A table of which only known keys may be there.
#[derive(Clone)]
pub(crate) struct Table<'a> {
    /// What stands before a key in a message (`failures.`).
    path: String,
    /// What was read.
    pub(crate) map: &'a Map<String, Value>,
}

impl<'a> Table<'a> {
    /// Only the `known` keys may be in `map`; the error names the first other one.
    pub(crate) fn new(
        path: String,
        map: &'a Map<String, Value>,
        known: &[&str],
    ) -> Result<Self, String> {
        match map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!(
                "unknown setting `{path}{key}`; the known ones are: {}",
                known.join(", ")
            )),
            None => Ok(Self { path, map }),
        }
    }

    /// The line that says what `key` must be.
    pub(crate) fn bad(&self, key: &str, valid: &str, found: &Value) -> String {
        format!("setting `{}{key}` must be {valid}, not {found}", self.path)
    }

    /// A whole number in `range`, where the key is there.
    pub(crate) fn whole(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, String> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        let valid = || format!("a whole number from {} to {}", range.start(), range.end());
        let number = value.as_u64().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| self.bad(key, &valid(), value))
    }

    /// A number in `range`, where the key is there.
    pub(crate) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<f64>, String> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        let valid = || format!("a number from {} to {}", range.start(), range.end());
        #[expect(clippy::cast_precision_loss, reason = "the limits are small")]
        let fits = |number: &f64| (*range.start() as f64..=*range.end() as f64).contains(number);
        value.as_f64().filter(fits).map(Some).ok_or_else(|| self.bad(key, &valid(), value))
    }

    /// The whole name of `key`.
    pub(crate) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// The line that says what this table lacks.
    pub(crate) fn wants(&self, what: &str) -> String {
        match self.path.trim_end_matches('.') {
            "" => format!("the network needs {what}"),
            path => format!("setting `{path}` needs {what}"),
        }
    }

    /// A text that is not empty, where the key is there.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        let text = value.as_str().filter(|text| !text.is_empty());
        text.map(Some).ok_or_else(|| self.bad(key, "a text", value))
    }

    /// Yes or no, where the key is there.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.bad(key, "true or false", value))
    }

    /// A file's path, where the key is there.
    pub(crate) fn path(&self, key: &str) -> Result<Option<PathBuf>, String> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        let text = value.as_str().filter(|text| !text.is_empty() && !text.contains('\0'));
        text.map(|text| Some(text.into())).ok_or_else(|| self.bad(key, "a file's path", value))
    }
}
