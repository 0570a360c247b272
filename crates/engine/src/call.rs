//! A call of an authenticated caller, and what can go wrong with it.

use provisor_domain::store::{Idempotency, Origin, StoreError};
use provisor_domain::user::CredentialUse;
use provisor_domain::{Refusal, Scope, TicketId, Username};

/// Who calls. Only signing in makes one.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) scope: Scope,
    pub(crate) username: Username,
    pub(crate) usable_for: CredentialUse,
}

impl Caller {
    /// What the caller reaches.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The caller's log-in name.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// Whether the caller may change anything with the credential that was shown.
    pub fn may_write(&self) -> bool {
        self.usable_for == CredentialUse::Write
    }
}

/// What travels together with every order: who, in which request, and whether it may be a repetition.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who.
    pub caller: Caller,
    /// The request's id, for the audit trail.
    pub request_id: Option<String>,
    /// The idempotency key, if one was sent.
    pub idempotency: Option<Idempotency>,
}

impl Call {
    pub(crate) fn scope(&self) -> Scope {
        self.caller.scope.clone()
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            actor: format!("user:{}", self.caller.username),
            request_id: self.request_id.clone(),
        }
    }
}

/// A ticket that was raised for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raised {
    /// The ticket. It is on disk.
    pub ticket: TicketId,
    /// True when an earlier call with the same idempotency key raised it.
    pub replayed: bool,
}

/// Why a call was not answered with what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The caller's fault; every face has an answer for it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody's fault: too much is waiting, or the database is away for now. Nothing was changed, unless it is
    /// [`StoreError::Undecided`]: the same idempotency key finds out.
    #[error("busy: {0}")]
    Busy(StoreError),
    /// Our fault. Logged once by the face, with the request's id; never explained to the caller.
    #[error("fault: {0}")]
    Fault(StoreError),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded | StoreError::Unavailable(_) | StoreError::Undecided(_) => {
                Self::Busy(error)
            }
            StoreError::Conflict(_) | StoreError::Broken(_) => Self::Fault(error),
        }
    }
}
