//! Orders for a portal customer: its log-in and its packs (second document, sections 4, 5 and 7).

use std::sync::Arc;

use jiff::Timestamp;
use provisor_domain::catalogue::Tenant;
use provisor_domain::order::MailTerms;
use provisor_domain::portal::{Md5Hex, Pack, PortalCustomer, PortalSecret, SecretForm};
use provisor_domain::store::{NewTicket, Origin, PortalFound, StoreError, SubjectClaim};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::{CustomerNumber, MailAddress, Mailbox, Order, ParCustId, PortalId, Refusal};

use super::restless;
use crate::call::{Error, Raised};
use crate::engine::{Engine, STALE_ROUNDS_MAX};

/// A call for one portal customer.
#[derive(Debug, Clone)]
pub struct PortalCall {
    /// The tenant whose customer it is.
    pub tenant: Arc<Tenant>,
    /// Which customer.
    pub customer: ParCustId,
    /// Who calls, for the audit trail: `tenant:kommitt`, `user:backend`.
    pub actor: String,
    /// The request's id, for the audit trail.
    pub request_id: Option<String>,
}

impl PortalCall {
    /// The customer it is for.
    pub fn id(&self) -> PortalId {
        PortalId { tenant: self.tenant.name.clone(), customer: self.customer.clone() }
    }
}

/// What is to be done for a portal customer.
#[derive(Debug, Clone)]
pub enum PortalOrder {
    /// It is created, or gets this password.
    Enable(Md5Hex),
    /// It may not log in any more.
    Disable,
    /// It gets a pack that its tenant sells, or another value of it.
    PackEnable(Pack),
    /// A pack ends: one that the customer has, whether its tenant still sells it or not.
    PackDisable(Pack),
}

impl Engine {
    /// Raises a ticket for a portal customer, or says why not.
    pub async fn change_portal_customer(
        &self,
        call: &PortalCall,
        order: PortalOrder,
    ) -> Result<Raised, Error> {
        let mut secret = None;
        for _ in 0..STALE_ROUNDS_MAX {
            // A number that makes no address is refused in its turn, below.
            let address = primary_address(call, &order).unwrap_or_default();
            let find = self.store.portal_find(call.id(), address);
            let found = self.metrics.timed("portal_find", find).await?;
            let decided = decide(call, &order, &found)?;
            // Hashing is dear: only what will probably be opened is hashed, and once.
            if let (PortalOrder::Enable(hash), None) = (&order, &secret) {
                secret = Some(self.sealed_away(hash).await?);
            }
            let ticket = new_ticket(
                call,
                decided,
                found.customer.as_ref(),
                secret.clone(),
                self.clock.now(),
            )?;
            if let Some(raised) = self.open(ticket).await? {
                return Ok(raised);
            }
        }
        Err(restless())
    }

    async fn sealed_away(&self, hash: &Md5Hex) -> Result<PortalSecret, Error> {
        let phc = self.sign_in.hash(hash.clone().into_secret()).await?;
        Ok(PortalSecret { phc, form: SecretForm::Md5Hex })
    }
}

/// The address that the order would create.
fn primary_address(call: &PortalCall, order: &PortalOrder) -> Result<Option<MailAddress>, Refusal> {
    match order {
        PortalOrder::PackEnable(pack) if pack.name.is_mail() => {
            let address = format!("{}@{}", call.customer, call.tenant.mail_domain);
            address.parse().map(Some).map_err(|_| Refusal::AddressImpossible)
        }
        _ => Ok(None),
    }
}

/// The order of the checks: the lock, the customer, then what contradicts what stands.
fn decide(call: &PortalCall, order: &PortalOrder, found: &PortalFound) -> Result<Order, Refusal> {
    if let Some(holder) = found.open_ticket {
        return Err(Refusal::SubjectBusy(holder));
    }
    if found.customer.is_none() && !matches!(order, PortalOrder::Enable(_)) {
        return Err(Refusal::PortalCustomerNotFound);
    }
    Ok(match order {
        PortalOrder::Enable(_) => Order::PortalEnable,
        PortalOrder::Disable => Order::PortalDisable,
        PortalOrder::PackEnable(pack) => Order::PackEnable {
            pack: pack.clone(),
            mail: primary_address(call, order)?
                .map(|primary| mail_terms(call, pack, primary, found))
                .transpose()?,
        },
        PortalOrder::PackDisable(pack) => {
            let active = found.packs.iter().find(|active| active.name.is(&pack.name));
            let active = active.ok_or(Refusal::PackNotActive)?;
            if active.value != pack.value {
                return Err(Refusal::PackValueDiffers(active.value.clone()));
            }
            let mail_kept_days = pack.name.is_mail().then_some(call.tenant.mail_kept_days);
            Order::PackDisable { pack: active.clone(), mail_kept_days }
        }
    })
}

fn mail_terms(
    call: &PortalCall,
    pack: &Pack,
    primary: MailAddress,
    found: &PortalFound,
) -> Result<MailTerms, Refusal> {
    let used = found.mailboxes.iter().filter(|mailbox| mailbox.works()).count();
    if pack.value.count().is_none_or(|count| used > count as usize) {
        return Err(Refusal::MailboxesInUse(used));
    }
    let has_primary = found.mailboxes.iter().any(Mailbox::is_primary);
    if found.address_taken && !has_primary {
        return Err(Refusal::AddressTaken(primary));
    }
    Ok(MailTerms { primary, mailbox_bytes: call.tenant.mailbox_bytes })
}

pub(super) fn new_ticket(
    call: &PortalCall,
    order: Order,
    customer: Option<&PortalCustomer>,
    secret: Option<PortalSecret>,
    raised: Timestamp,
) -> Result<NewTicket, Error> {
    let broken = |error: provisor_domain::Malformed| StoreError::Broken(error.to_string());
    let tenant: CustomerNumber = call.tenant.name.as_str().parse().map_err(broken)?;
    Ok(NewTicket {
        order,
        subjects: vec![SubjectClaim {
            subject: Subject::Portal(call.id()),
            version: customer.map_or(0, |customer| customer.version),
        }],
        customer: tenant,
        network: call.tenant.mail.clone(),
        about: About::Portal(call.customer.clone()),
        secret,
        origin: Origin { actor: call.actor.clone(), request_id: call.request_id.clone() },
        idempotency: None,
        raised,
    })
}
