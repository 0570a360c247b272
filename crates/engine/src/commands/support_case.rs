//! Support cases: messages that people read (CCC `raiseTicket`). Nothing is sent to a network.

use provisor_domain::store::{Opened, ServiceFound};
use provisor_domain::support_case::{NewSupportCase, SupportFile};
use provisor_domain::{Refusal, ServiceSelector, TicketTypeCode};

use super::restless;
use crate::call::{Call, Error, Raised};
use crate::engine::Engine;

/// What is to be written down.
#[derive(Debug, Clone)]
pub struct SupportOrder {
    /// What kind of case.
    pub ticket_type: TicketTypeCode,
    /// What it says.
    pub message: String,
    /// What comes with it.
    pub file: Option<SupportFile>,
    /// The service it is about.
    pub service: Option<ServiceSelector>,
}

impl Engine {
    /// Whether cases of this type need a file. Refuses a type that does not exist.
    pub async fn ticket_type(&self, code: &TicketTypeCode) -> Result<bool, Error> {
        let needs_file = self.store.ticket_type_find(code.clone()).await?;
        Ok(needs_file.ok_or(Refusal::TicketTypeUnknown)?)
    }

    /// Writes a support case down.
    pub async fn raise_support_case(
        &self,
        call: &Call,
        order: SupportOrder,
    ) -> Result<Raised, Error> {
        if self.ticket_type(&order.ticket_type).await? && order.file.is_none() {
            return Err(Refusal::FileMissing.into());
        }
        let service = match order.service {
            None => None,
            Some(selector) => match self.store.service_find(call.scope(), selector, false).await? {
                ServiceFound::Absent => return Err(Refusal::ServiceNotFound.into()),
                ServiceFound::OutsideKind => return Err(Refusal::ServiceNotPermitted.into()),
                ServiceFound::Found(service) => Some(*service),
            },
        };
        let case = NewSupportCase {
            scope: call.scope(),
            ticket_type: order.ticket_type,
            message: order.message,
            file: order.file,
            service,
            origin: call.origin(),
            idempotency: call.idempotency.clone(),
            raised: self.clock.now(),
        };
        match self.store.support_case_open(case).await? {
            Opened::Ticket(ticket) => Ok(Raised { ticket, replayed: false }),
            Opened::Replayed(ticket) => Ok(Raised { ticket, replayed: true }),
            Opened::KeyReused => Err(Refusal::IdempotencyKeyReused.into()),
            Opened::Busy(_) | Opened::Stale => Err(restless()), // a case locks nothing: this cannot be
        }
    }
}
