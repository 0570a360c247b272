//! Headers, and the secrets in them: read from a file or an environment variable for each request, so that a new one needs
//! no restart, and never shown.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use hyper::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::request::{Unmade, wrong};
use super::template::{Lookup, Template};
use crate::table::Table;

/// Headers that this driver sets itself.
const OWN: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "upgrade"];
/// What the names of headers end with that carry secrets.
const SECRET_ENDINGS: [&str; 7] =
    ["authorization", "cookie", "key", "token", "secret", "password", "credentials"];

/// Where a header's value comes from.
#[derive(Debug, Clone)]
pub(super) enum Header {
    /// The catalogue.
    Plain(Template),
    /// Elsewhere, because it is secret.
    Secret(Secret),
}

/// A secret that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Secret {
    /// What stands before it (`Bearer `).
    prefix: String,
    from: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Variable(String),
}

impl Header {
    /// Reads the table `headers`, where there is one.
    pub(super) fn list(
        table: &Table<'_>,
        known: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(HeaderName, Self)>, String> {
        let Some(value) = table.map.get("headers") else { return Ok(Vec::new()) };
        let map = value.as_object().ok_or_else(|| table.bad("headers", "a table", value))?;
        map.iter().map(|(name, value)| Self::read(table, (name, value), known)).collect()
    }

    fn read(
        table: &Table<'_>,
        (name, value): (&str, &Value),
        known: &dyn Fn(&str) -> bool,
    ) -> Result<(HeaderName, Self), String> {
        let key = format!("headers.{name}");
        let parsed = name.parse().ok().filter(|name: &HeaderName| !OWN.contains(&name.as_str()));
        let parsed: HeaderName =
            parsed.ok_or_else(|| wrong(table, &key, "is no name of a header that can be set"))?;
        if let Some(map) = value.as_object() {
            let path = table.key(&format!("{key}."));
            let inner = Table::new(path, map, &["file", "env", "prefix"])?;
            return Ok((parsed, Self::Secret(Secret::read(&inner)?)));
        }
        let text = value.as_str().ok_or_else(|| {
            wrong(table, &key, "must be a text, or { file = .. } or { env = .. } for a secret")
        })?;
        let template = Template::parse(text, known).map_err(|error| wrong(table, &key, &error))?;
        let fixed = template.names().next().is_none();
        if fixed && SECRET_ENDINGS.iter().any(|ending| parsed.as_str().ends_with(ending)) {
            let instead = "looks like a secret, which has no place in the catalogue: write { file = .. } or { env = .. }";
            return Err(wrong(table, &key, instead));
        }
        let sample = template.header(&|_| Ok(super::template::Datum::Text("x".into())));
        match sample.map(|text| HeaderValue::from_str(&text)) {
            Ok(Ok(_)) => Ok((parsed, Self::Plain(template))),
            _ => Err(wrong(table, &key, "has characters that a header cannot have")),
        }
    }

    /// The names of its placeholders.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Plain(template) => template.names().collect(),
            Self::Secret(_) => Vec::new(),
        }
    }

    /// The same with its file in `data_dir`, where its path is relative.
    pub(super) fn placed(&mut self, data_dir: &Path) {
        if let Self::Secret(Secret { from: Source::File(file), .. }) = self {
            *file = data_dir.join(&*file);
        }
    }

    pub(super) fn value(&self, lookup: Lookup<'_>) -> Result<HeaderValue, Unmade> {
        match self {
            Self::Plain(template) => {
                let text = template.header(lookup).map_err(Unmade::Value)?;
                HeaderValue::from_str(&text).map_err(|error| Unmade::Value(error.to_string()))
            }
            Self::Secret(secret) => secret.value().map_err(Unmade::Secret),
        }
    }
}

impl Secret {
    fn read(table: &Table<'_>) -> Result<Self, String> {
        let prefix = table.text("prefix")?.unwrap_or_default().to_owned();
        let from = match (table.path("file")?, table.text("env")?) {
            (Some(file), None) => Source::File(file),
            (None, Some(name)) => Source::Variable(name.to_owned()),
            _ => return Err(table.wants("either `file` or `env`")),
        };
        Ok(Self { prefix, from })
    }

    /// The header's value. A line's end after the secret is not part of it.
    fn value(&self) -> Result<HeaderValue, String> {
        let secret: SecretString = match &self.from {
            Source::File(file) => std::fs::read_to_string(file)
                .map_err(|error| self.unusable(&error))?
                .trim_end_matches(['\r', '\n'])
                .into(),
            Source::Variable(name) => {
                // What it holds is not told, also where it is no text.
                std::env::var(name).map_err(|_| self.unusable(&"it is not set"))?.into()
            }
        };
        if secret.expose_secret().is_empty() {
            return Err(self.unusable(&"it is empty"));
        }
        let header = SecretString::from(format!("{}{}", self.prefix, secret.expose_secret()));
        let mut value = HeaderValue::from_str(header.expose_secret())
            .map_err(|_| self.unusable(&"it has characters that a header cannot have"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn unusable(&self, error: &dyn Display) -> String {
        match &self.from {
            Source::File(file) => format!("the secret in {}: {error}", file.display()),
            Source::Variable(name) => {
                format!("the secret in the environment variable {name}: {error}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn headers(value: &Value) -> Result<Vec<(HeaderName, Header)>, String> {
        let map = json!({ "headers": value });
        let table = Table::new(String::new(), map.as_object().unwrap(), &["headers"])?;
        Header::list(&table, &|name| name == "key")
    }

    fn value(header: &Value) -> Result<HeaderValue, Unmade> {
        let read = headers(&json!({ "X-Api-Key": header })).unwrap();
        read[0].1.value(&|_| Err("none".into()))
    }

    #[test]
    fn a_secret_is_read_anew_each_time_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let header = json!({ "file": file, "prefix": "Bearer " });
        let missing = value(&header).unwrap_err();
        assert!(matches!(&missing, Unmade::Secret(why) if why.contains("key: No such file")));
        for secret in ["first", "second"] {
            std::fs::write(&file, format!("{secret}\r\n")).unwrap();
            let value = value(&header).unwrap();
            assert_eq!(value.as_bytes(), format!("Bearer {secret}").as_bytes());
            assert!(value.is_sensitive() && !format!("{value:?}").contains(secret));
        }
        for bad in ["", "\n", "two\nlines", "a\0b"] {
            std::fs::write(&file, bad).unwrap();
            let Unmade::Secret(why) = value(&header).unwrap_err() else { panic!() };
            assert!(why.contains("the secret in ") && !why.contains("lines"), "{bad:?}: {why}");
        }
        let Unmade::Secret(why) = value(&json!({ "env": "NO_SUCH_VARIABLE" })).unwrap_err() else {
            panic!()
        };
        assert_eq!(why, "the secret in the environment variable NO_SUCH_VARIABLE: it is not set");
    }

    #[test]
    fn a_secret_is_not_written_into_the_catalogue() {
        for name in ["Authorization", "X-API-Key", "Provisioning-Key", "x-auth-token", "Cookie"] {
            let error = headers(&json!({ name: "hunter2" })).unwrap_err();
            assert!(error.contains("looks like a secret") && !error.contains("hunter2"), "{error}");
        }
        assert!(headers(&json!({ "Idempotency-Key": "{key}", "Accept": "text/xml" })).is_ok());
    }

    #[test]
    fn a_bad_header_is_named_together_with_what_would_be_right() {
        for (list, message) in [
            (json!({ "Host": "x" }), "`headers.Host` is no name of a header that can be set"),
            (json!({ "a b": "x" }), "`headers.a b` is no name"),
            (json!({ "A": "x\ny" }), "`headers.A` has characters that a header cannot have"),
            (json!({ "A": "{secret}" }), "`headers.A` has {secret}, which is not known there"),
            (json!({ "A": 5 }), "`headers.A` must be a text, or { file = .. }"),
            (json!({ "A": {} }), "`headers.A` needs either `file` or `env`"),
            (json!({ "A": { "file": "a", "env": "b" } }), "needs either `file` or `env`"),
            (json!({ "A": { "value": "a" } }), "unknown setting `headers.A.value`"),
        ] {
            let error = headers(&list).unwrap_err();
            assert!(error.contains(message), "{list}: {error}");
        }
    }
}
