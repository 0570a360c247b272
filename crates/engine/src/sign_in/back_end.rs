//! Back ends: who may call the Simple Portal face for a tenant (contract section 2.1).
//!
//! From the tenant's own networks nothing need be shown; from elsewhere the password or an API credential of a user of
//! that tenant. What is shown is always checked, wherever it comes from: a wrong credential is a mistake that somebody
//! wants to hear about.

use std::net::IpAddr;

use provisor_domain::catalogue::Tenant;
use provisor_domain::store::StoreError;
use provisor_domain::{UserKind, Username};
use secrecy::SecretString;
use tokio::time::Instant;

use super::credential::Credential;
use super::{FAILURE_ANSWERED_AFTER, SignIn, SignInError};
use crate::call::Caller;

/// What a back end shows.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// HTTP Basic: a username, and a password or an API credential.
    Basic(String, SecretString),
    /// A bearer token: an API credential.
    Bearer(SecretString),
    /// Something that cannot be read.
    Unreadable,
}

/// A back end that may call for its tenant.
#[derive(Debug, Clone)]
pub struct BackEnd {
    /// For the audit trail: `user:NAME`, or `tenant:NAME@ADDRESS` for one that came from the tenant's networks.
    pub actor: String,
    /// Whether it has shown who it is.
    pub shown: bool,
    /// Whether it may change anything with what it has shown.
    pub may_write: bool,
}

/// Why a back end may not call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackEndError {
    /// Nothing was shown, and the network is none of the tenant's.
    #[error("credentials are needed")]
    Needed,
    /// What was shown is wrong, or cannot be read.
    #[error("sign-in failed")]
    Failed,
    /// What was shown belongs to somebody who has no business with this tenant.
    #[error("not for this tenant")]
    Foreign,
    /// Too many password checks are waiting.
    #[error("too many password checks are waiting")]
    Busy,
    /// The store could not say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignInError> for BackEndError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Failed => Self::Failed,
            SignInError::Busy => Self::Busy,
            SignInError::Store(error) => Self::Store(error),
        }
    }
}

impl SignIn {
    /// Lets a back end in that calls for `tenant`. `source` is `None` when nobody vouches for where the call comes from:
    /// it then counts as foreign.
    pub async fn back_end(
        &self,
        tenant: &Tenant,
        shown: Shown,
        source: Option<IpAddr>,
    ) -> Result<BackEnd, BackEndError> {
        let here = source.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        let caller = match shown {
            Shown::Nothing => {
                let inside =
                    |at: IpAddr| tenant.networks.iter().any(|network| network.contains(&at));
                let inside = source.filter(|at| inside(*at)).ok_or(BackEndError::Needed)?;
                return Ok(BackEnd {
                    actor: format!("tenant:{}@{inside}", tenant.name),
                    may_write: true,
                    shown: false,
                });
            }
            Shown::Unreadable => return Err(BackEndError::Failed),
            Shown::Basic(username, password) => {
                self.anybody(Some(&username), Some(&password), here).await?
            }
            Shown::Bearer(token) => self.bearer(token, here).await?,
        };
        if !matches!(&caller.scope.kind, UserKind::Tenant(own) if *own == tenant.name) {
            return Err(BackEndError::Foreign);
        }
        Ok(BackEnd {
            actor: format!("user:{}", caller.username),
            may_write: caller.may_write(),
            shown: true,
        })
    }

    async fn bearer(&self, token: SecretString, source: IpAddr) -> Result<Caller, BackEndError> {
        let began = Instant::now();
        let owner = match Credential::parse(&token) {
            Some(credential) => self.owner(&credential, &token).await?,
            None => None,
        };
        let Some(owner) = owner else {
            tokio::time::sleep_until(began + FAILURE_ANSWERED_AFTER).await;
            return Err(BackEndError::Failed);
        };
        Ok(self.anybody(Some(owner.as_str()), Some(&token), source).await?)
    }

    /// Whose credential it is. Remembered, because a credential never changes its owner; whether it still works is asked
    /// afterwards.
    async fn owner(
        &self,
        credential: &Credential,
        token: &SecretString,
    ) -> Result<Option<Username>, StoreError> {
        let key = self.digest("", token);
        if let Some(known) = self.owners.get(&key) {
            return Ok(Some(known));
        }
        let digest = credential.digest(&self.installation_key);
        let owner = self.store.credential_owner(digest.0).await?;
        if let Some(owner) = &owner {
            self.owners.insert(key, owner.clone());
        }
        Ok(owner)
    }
}
