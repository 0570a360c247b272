//! A portal customer, and the requests for it (second document, sections 5 to 7).

use std::time::Duration;

use provisor_domain::portal::{PortalRequest, RequestState};
use provisor_domain::store::{PortalFound, StoreError};
use provisor_domain::{PortalId, TicketId};
use tokio::time::Instant;

use crate::call::Error;
use crate::engine::Engine;

/// How often a wait looks at the store: another process may carry the ticket out, and tells nobody here.
const LOOK: Duration = Duration::from_millis(100);

/// How long a store that is busy is asked again for what was just written.
const BUSY_STORE: Duration = Duration::from_secs(2);

impl Engine {
    /// What there is of a portal customer. One that is not known has no customer, but may have an open ticket (its first
    /// enable).
    pub async fn portal_customer(&self, id: &PortalId) -> Result<PortalFound, Error> {
        let find = self.store.portal_find(id.clone(), None);
        Ok(self.metrics.timed("portal_find", find).await?)
    }

    /// The request that `ticket` is, as it stands when it has ended, or after `patience`. The ticket is on disk, so a store
    /// that cannot answer now is asked again for a while.
    pub async fn portal_request(
        &self,
        ticket: TicketId,
        patience: Duration,
    ) -> Result<PortalRequest, Error> {
        let began = Instant::now();
        let deadline = began + patience;
        let mut waiter = self.endings.subscribe(ticket);
        loop {
            let request = match self.store.portal_request(ticket).await {
                Err(StoreError::Overloaded | StoreError::Unavailable(_))
                    if began.elapsed() < BUSY_STORE =>
                {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                answer => answer?,
            };
            let request = request.ok_or_else(|| {
                Error::Fault(StoreError::Broken(format!("ticket {ticket} is no request")))
            })?;
            let now = Instant::now();
            if request.state != RequestState::Pending || now >= deadline {
                return Ok(request);
            }
            tokio::select! {
                () = waiter.ended() => {}
                () = tokio::time::sleep_until(deadline.min(now + LOOK)) => {}
            }
        }
    }
}
