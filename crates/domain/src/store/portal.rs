//! The portal customers' part of the port: what the Simple Portal face shows and decides on.
//!
//! Every question names the tenant; another tenant's customer is absent.

use async_trait::async_trait;

use jiff::Timestamp;

use super::{Origin, StoreError};
use crate::catalogue::Tenant;
use crate::portal::{Pack, PortalCustomer, PortalId, PortalRecord, PortalRequest, PortalSecret};
use crate::{MailAddress, Mailbox, TicketId};

/// A portal customer as its provider sees it. One consistent read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalFound {
    /// The customer; `None` before its first enable is done.
    pub customer: Option<PortalCustomer>,
    /// The ticket that is open for it.
    pub open_ticket: Option<TicketId>,
    /// Its packs, by name.
    pub packs: Vec<Pack>,
    /// Its mailboxes, primary first, then by address; also those that were switched off and whose mail is kept.
    pub mailboxes: Vec<Mailbox>,
    /// True when the address that was asked about belongs to somebody else.
    pub address_taken: bool,
}

/// What a portal customer signs in with.
#[derive(Debug, Clone)]
pub struct PortalAuth {
    /// The customer.
    pub customer: PortalCustomer,
    /// The password, where it has one.
    pub secret: Option<PortalSecret>,
}

/// Portal customers.
#[async_trait]
pub trait Portal: Send + Sync {
    /// The tenants of the catalogue.
    async fn tenant_list(&self) -> Result<Vec<Tenant>, StoreError>;

    /// A portal customer, and whether `address` is somebody else's.
    async fn portal_find(
        &self,
        id: PortalId,
        address: Option<MailAddress>,
    ) -> Result<PortalFound, StoreError>;

    /// What a portal customer signs in with; `None` when there is no such customer.
    async fn portal_auth(&self, id: PortalId) -> Result<Option<PortalAuth>, StoreError>;

    /// The request that a ticket is, with its number and where it stands; `None` when it has no number.
    async fn portal_request(&self, ticket: TicketId) -> Result<Option<PortalRequest>, StoreError>;

    /// Portal customers in the order of their names, from the first one after `after`: at most
    /// `PORTAL_CUSTOMERS_PER_PAGE_MAX` of them.
    async fn portal_page(
        &self,
        after: Option<PortalId>,
    ) -> Result<Vec<(PortalId, PortalRecord)>, StoreError>;

    /// The generation of the books (see [`crate::mail::Fence::generation`]).
    async fn books_generation(&self) -> Result<i64, StoreError>;

    /// Notes that the books were restored from a backup: their generation moves on, so that what mail systems were told
    /// before counts as older. Answers the new one.
    async fn books_restored(&self, origin: Origin, now: Timestamp) -> Result<i64, StoreError>;

    /// The log-in name of the user whose API credential has this digest, unless it was revoked.
    async fn credential_owner(
        &self,
        digest: [u8; 32],
    ) -> Result<Option<crate::Username>, StoreError>;
}
