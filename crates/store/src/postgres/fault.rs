//! What can go wrong inside, and what of it the port says.

use provisor_domain::store::StoreError;
use tokio_postgres::error::{DbError, SqlState};

/// A failure inside the store.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The database said no, or the connection to it broke.
    #[error(transparent)]
    Sql(#[from] tokio_postgres::Error),
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection broke while the commit was under way: it happened or it did not.
    #[error("the connection broke during a commit: {0}")]
    Unknown(String),
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A row that cannot be what it is.
    pub(super) fn broken(reason: impl Into<String>) -> Self {
        Self::Store(StoreError::Broken(reason.into()))
    }

    /// The books do not take it.
    pub(super) fn conflict(reason: impl Into<String>) -> Self {
        Self::Store(StoreError::Conflict(reason.into()))
    }

    /// The database cannot be reached, or not used.
    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Store(StoreError::Unavailable(reason.into()))
    }

    /// A constraint refused the write, by the database's word or ours.
    pub(super) fn refusal(&self) -> Option<String> {
        match self {
            Self::Store(StoreError::Conflict(reason)) => Some(reason.clone()),
            Self::Sql(error) if is_constraint(error) => Some(words(error)),
            Self::Sql(_) | Self::Store(_) | Self::Unknown(_) => None,
        }
    }

    /// Whether it is this constraint that refused the write.
    pub(super) fn breaks(&self, constraint: &str) -> bool {
        let Self::Sql(error) = self else { return false };
        is_constraint(error)
            && error.as_db_error().and_then(DbError::constraint) == Some(constraint)
    }

    /// The same, where a constraint that refused it is told in `words`.
    pub(super) fn told(self, words: &str) -> Self {
        if self.refusal().is_some() { Self::conflict(words) } else { self }
    }

    /// What the port says of it.
    pub(super) fn to_store_error(&self) -> StoreError {
        let error = match self {
            Self::Store(error) => return error.clone(),
            Self::Unknown(reason) => return StoreError::Undecided(reason.clone()),
            Self::Sql(error) => error,
        };
        if is_constraint(error) {
            StoreError::Conflict(words(error))
        } else if error.code().map_or_else(|| is_lost(error), passes) {
            StoreError::Unavailable(words(error))
        } else {
            StoreError::Broken(words(error))
        }
    }
}

/// Integrity constraint violations (class 23).
fn is_constraint(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| state.code().starts_with("23"))
}

/// Somebody else was in the way; a standby; a session that was ended because this process was frozen in a transaction.
const PASSING: [SqlState; 3] = [
    SqlState::LOCK_NOT_AVAILABLE,
    SqlState::READ_ONLY_SQL_TRANSACTION,
    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
];

/// Whether what failed may succeed later: the server goes down or comes up, is a standby, has no room, or somebody else
/// was in the way. After each of them nothing was written.
fn passes(state: &SqlState) -> bool {
    const CLASSES: [&str; 4] = ["08", "40", "53", "57"];
    let code = state.code();
    CLASSES.iter().any(|class| code.starts_with(class)) || PASSING.contains(state)
}

/// The connection is gone, or could not be made.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    error.is_closed() || source.is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// What the database said, without the values that it may quote from a statement.
pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} ({})", said.message(), said.code().code());
    }
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}
