//! Users: who may see and change what.

use serde::{Deserialize, Serialize};

use crate::{ReportingGroup, ServiceCode, TenantName};

/// A user's key in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(pub i64);

/// How much of the granted customers' world a user reaches (the portal's three kinds, and back ends).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UserKind {
    /// Everything under the granted customers.
    Account,
    /// The services of one reporting group.
    Group(ReportingGroup),
    /// Exactly one service.
    Service(ServiceCode),
    /// Not a user of the CCC face at all: a provider's back end that calls the Simple Portal face for this tenant.
    Tenant(TenantName),
}

/// Whose eyes a query looks through. No store method that serves a caller can be called without one: what lies
/// under customers that were not granted is absent, not forbidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The user; grants are looked up by it at every query, so a revoked grant works at once.
    pub user: UserId,
    /// The user's kind.
    pub kind: UserKind,
}

impl UserKind {
    /// Whether a service of this code and group is within the user's kind.
    pub fn reaches(&self, code: ServiceCode, group: Option<&ReportingGroup>) -> bool {
        match self {
            Self::Account => true,
            Self::Group(own) => group == Some(own),
            Self::Service(own) => *own == code,
            Self::Tenant(_) => false,
        }
    }
}

/// What an API credential may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialUse {
    /// Queries only.
    Read,
    /// Everything its user may do.
    Write,
}
