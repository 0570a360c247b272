//! What can go wrong inside, and what of it the port says.

use provisor_domain::store::StoreError;
use rusqlite::ErrorCode;

/// A failure inside the store.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The database said no.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The job wants to be run again by itself: it took a short cut that did not work out and now knows better.
    #[error("the job has to be run again by itself")]
    Again,
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

    /// Another process writes and does not come to an end.
    pub(super) fn busy() -> Self {
        let reason = "another process has had the database locked for seconds";
        Self::Store(StoreError::Unavailable(reason.to_owned()))
    }

    /// A constraint refused the write, by the database's word or ours.
    pub(super) fn refusal(&self) -> Option<String> {
        match self {
            Self::Store(StoreError::Conflict(reason)) => Some(reason.clone()),
            Self::Sql(error)
                if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
            {
                Some(error.to_string())
            }
            Self::Sql(_) | Self::Store(_) | Self::Again => None,
        }
    }

    /// After this one nothing that the database says can be believed: the disk failed, or the file is damaged.
    pub(super) fn is_fatal(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        )
    }

    /// What the port says of it.
    pub(super) fn to_store_error(&self) -> StoreError {
        let error = match self {
            Self::Store(error) => return error.clone(),
            Self::Again => return StoreError::Broken("a job never came to rest".to_owned()),
            Self::Sql(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => StoreError::Conflict(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::busy().to_store_error()
            }
            Some(ErrorCode::DiskFull) => {
                StoreError::Unavailable("the disk is full: make room".to_owned())
            }
            _ => StoreError::Broken(error.to_string()),
        }
    }
}

/// `result`, where a constraint that refused it is told in the words of `what`.
pub(super) fn about<T>(result: rusqlite::Result<T>, what: impl FnOnce() -> String) -> Result<T> {
    result.map_err(Fault::from).map_err(|fault| match fault.refusal() {
        Some(_) => Fault::conflict(what()),
        None => fault,
    })
}
