//! One ticket (contract section 1.4, `queryTicket`).

use provisor_domain::store::TicketFound;
use provisor_domain::{Refusal, TicketId};

use crate::call::{Caller, Error};
use crate::engine::Engine;

impl Engine {
    /// The ticket or support case with this number, within the caller's scope.
    pub async fn ticket(&self, caller: &Caller, id: TicketId) -> Result<TicketFound, Error> {
        let found = self.store.ticket_find(caller.scope.clone(), id).await?;
        Ok(found.ok_or(Refusal::TicketNotFound)?)
    }
}
