//! Which database: the value of `--database`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A database as an operator names it. Only SQLite files exist in this version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct DatabaseUrl(PathBuf);

/// A text that does not name a database. Says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DatabaseUrlError {
    /// It is PostgreSQL's.
    #[error(
        "this version keeps its data in SQLite only: write sqlite://FILE instead of postgres://…"
    )]
    Postgres,
    /// There is no file in it.
    #[error(
        "there is no file's name behind sqlite://: write sqlite://provisor.db or sqlite:///var/lib/provisor/provisor.db"
    )]
    NoFile,
    /// It is something else.
    #[error(
        "{0:?} does not name a database: write sqlite://FILE, for example sqlite://provisor.db"
    )]
    Other(String),
}

impl DatabaseUrl {
    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder that the file is in.
    pub(crate) fn folder(&self) -> PathBuf {
        match self.0.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        }
    }
}

impl From<PathBuf> for DatabaseUrl {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;
    fn from_str(raw: &str) -> Result<Self, DatabaseUrlError> {
        let raw = raw.trim();
        if raw.starts_with("postgres://") || raw.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Postgres);
        }
        match raw.strip_prefix("sqlite://") {
            Some("") => Err(DatabaseUrlError::NoFile),
            Some(file) if !file.contains('\0') => Ok(Self(file.into())),
            _ => Err(DatabaseUrlError::Other(raw.to_owned())),
        }
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = DatabaseUrlError;
    fn try_from(raw: String) -> Result<Self, DatabaseUrlError> {
        raw.parse()
    }
}

impl From<DatabaseUrl> for String {
    fn from(url: DatabaseUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite://{}", self.0.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_and_absolute_files_are_named_and_shown_alike() {
        for (raw, file, folder) in [
            ("sqlite://provisor.db", "provisor.db", "."),
            ("sqlite://data/provisor.db", "data/provisor.db", "data"),
            ("sqlite:///var/lib/provisor.db", "/var/lib/provisor.db", "/var/lib"),
        ] {
            let url: DatabaseUrl = raw.parse().unwrap();
            assert_eq!(url.path(), Path::new(file));
            assert_eq!(url.folder(), Path::new(folder));
            assert_eq!(url.to_string(), raw);
        }
    }

    #[test]
    fn what_is_no_sqlite_file_is_refused_with_what_to_write() {
        let error = |raw: &str| raw.parse::<DatabaseUrl>().unwrap_err();
        assert_eq!(error("postgres://db/provisor"), DatabaseUrlError::Postgres);
        assert_eq!(error("postgresql://db/provisor"), DatabaseUrlError::Postgres);
        assert_eq!(error("sqlite://"), DatabaseUrlError::NoFile);
        assert!(error("provisor.db").to_string().contains("sqlite://provisor.db"));
    }
}
