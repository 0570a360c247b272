//! A portal customer signs in, and chooses a password of its own.
//!
//! What the provider handed over is a hash of the MD5 of the password. The first time the password itself is seen and
//! fits, the stored hash is replaced by one of the password itself, by a ticket like any other change: the mail system
//! gets it too. That ticket is not a request of the provider: it has no number in a relation.

use std::net::IpAddr;
use std::sync::Arc;

use md5::{Digest, Md5};
use provisor_domain::catalogue::Tenant;
use provisor_domain::limits::PASSWORD_BYTES_MAX;
use provisor_domain::portal::{PortalCustomer, PortalSecret, SecretForm};
use provisor_domain::store::PortalAuth;
use provisor_domain::{Order, ParCustId, PortalId, Refusal};
use secrecy::{ExposeSecret, SecretString};

use super::portal::{PortalCall, new_ticket};
use super::restless;
use crate::call::{Error, Raised};
use crate::engine::{Engine, STALE_ROUNDS_MAX};
use crate::sign_in::password::password_objection;

/// A portal customer who has signed in. Holds until it is disabled or its password changes: ask
/// [`Engine::portal_session_holds`] at every use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalSession {
    /// Who.
    pub id: PortalId,
    sessions: i64,
}

/// Why a portal customer was not signed in, or its password not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogInError {
    /// Unknown, disabled, wrong password, throttled: all the same.
    #[error("log-in failed")]
    Failed,
    /// The new password is too short or too long: this is why.
    #[error("{0}")]
    Unfit(String),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<Refusal> for LogInError {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal.into())
    }
}

impl Engine {
    /// Signs a portal customer in who calls from `source`. The MD5 of the password is never taken for it.
    pub async fn portal_log_in(
        &self,
        tenant: &Arc<Tenant>,
        customer: &ParCustId,
        password: &SecretString,
        source: IpAddr,
    ) -> Result<PortalSession, LogInError> {
        let call = own_call(tenant, customer);
        let auth = self.portal_verified(&call, password, source).await?;
        if auth.secret.as_ref().is_some_and(|secret| secret.form == SecretForm::Md5Hex) {
            self.rehash(&call, &auth, password).await;
        }
        Ok(PortalSession { id: call.id(), sessions: auth.customer.sessions })
    }

    /// Whether a session still holds.
    pub async fn portal_session_holds(&self, session: &PortalSession) -> Result<bool, Error> {
        let found = self.store.portal_find(session.id.clone(), None).await?;
        let holds = |c: &PortalCustomer| c.enabled && c.sessions == session.sessions;
        Ok(found.customer.as_ref().is_some_and(holds))
    }

    /// Raises the ticket by which a portal customer gets the password it chose (`pwdchanged` becomes 1). `present` is
    /// the password it has.
    pub async fn portal_choose_password(
        &self,
        tenant: &Arc<Tenant>,
        customer: &ParCustId,
        (present, chosen): (&SecretString, SecretString),
        source: IpAddr,
    ) -> Result<Raised, LogInError> {
        if let Some(objection) = password_objection(&chosen) {
            return Err(LogInError::Unfit(objection));
        }
        let call = own_call(tenant, customer);
        let auth = self.portal_verified(&call, present, source).await?;
        self.set_password(&call, &auth, chosen, true).await
    }

    async fn portal_verified(
        &self,
        call: &PortalCall,
        password: &SecretString,
        source: IpAddr,
    ) -> Result<PortalAuth, LogInError> {
        let auth = self.store.portal_auth(call.id()).await.map_err(Error::from)?;
        // Nothing fits one that is disabled: the right password takes as long there and counts as much as a wrong one.
        let auth = auth.filter(|auth| auth.customer.enabled);
        let stored = auth.as_ref().and_then(|auth| auth.secret.clone());
        let fitting = password.expose_secret().len() <= PASSWORD_BYTES_MAX;
        let shown = match stored.as_ref().map(|secret| secret.form) {
            // One that is too long stays so: hashed anew it would never open anything again.
            Some(SecretForm::Md5Hex) if fitting => md5_hex(password),
            Some(SecretForm::Md5Hex | SecretForm::Plain) | None => password.clone(),
        };
        let name = format!("portal:{}", call.id());
        let stored = stored.map(|secret| secret.phc);
        let fits = self.sign_in.guess(&name, source, shown, stored).await?;
        auth.filter(|_| fits).ok_or(LogInError::Failed)
    }

    /// Replaces the hash of the MD5 by one of the password. When that is not possible now, the next log-in does it.
    async fn rehash(&self, call: &PortalCall, auth: &PortalAuth, password: &SecretString) {
        if let Err(error) = self.set_password(call, auth, password.clone(), false).await {
            tracing::debug!(customer = %call.id(), %error, "the password is hashed anew at the next log-in");
        }
    }

    /// On condition that the password is still the one that was verified.
    async fn set_password(
        &self,
        call: &PortalCall,
        auth: &PortalAuth,
        chosen: SecretString,
        own: bool,
    ) -> Result<Raised, LogInError> {
        let phc = self.sign_in.hash(chosen).await?;
        let secret = PortalSecret { phc, form: SecretForm::Plain };
        for _ in 0..STALE_ROUNDS_MAX {
            let found = self.store.portal_find(call.id(), None).await.map_err(Error::from)?;
            if let Some(holder) = found.open_ticket {
                return Err(Refusal::SubjectBusy(holder).into());
            }
            let same = |c: &&PortalCustomer| c.enabled && c.sessions == auth.customer.sessions;
            let customer = found.customer.as_ref().filter(same);
            if customer.is_none() {
                return Err(LogInError::Failed);
            }
            let order = Order::PortalPassword { own };
            let ticket = new_ticket(call, order, customer, Some(secret.clone()), self.clock.now())?;
            if let Some(raised) = self.open(ticket).await? {
                return Ok(raised);
            }
        }
        Err(restless().into())
    }
}

fn own_call(tenant: &Arc<Tenant>, customer: &ParCustId) -> PortalCall {
    let actor = format!("portal:{}/{customer}", tenant.name);
    PortalCall { tenant: tenant.clone(), customer: customer.clone(), actor, request_id: None }
}

/// What the provider would have handed over for this password.
fn md5_hex(password: &SecretString) -> SecretString {
    let digest = Md5::digest(password.expose_secret().as_bytes());
    base16ct::lower::encode_string(&digest).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_own_hash_is_of_the_word_test() {
        let hash = md5_hex(&"test".into());
        assert_eq!(hash.expose_secret(), "098f6bcd4621d373cade4e832627b4f6");
    }
}
