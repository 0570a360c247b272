//! Repairing drift: a ticket that gives the network again what the books say.

use provisor_domain::drift::Drift;
use provisor_domain::limits::REPAIRS_MAX;
use provisor_domain::store::{NewTicket, Origin, Standing, StoreError, SubjectClaim};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::{NetworkCode, Order, Refusal, TicketId};

use super::look::Round;
use crate::call::Error;
use crate::engine::Engine;
use crate::networks::Network;

/// Who raises the tickets that nobody asked for.
const RECONCILER: &str = "reconciler";

impl Engine {
    /// Has repaired what the network's policy says. A drift that came back too often is left to a person.
    pub(super) async fn repair_by_policy(
        &self,
        network: &Network,
        round: &Round,
        drifts: &[Drift],
    ) -> Result<(), StoreError> {
        let code = &network.entry.code;
        for drift in drifts {
            let repairs = network.entry.drift.repairs(drift.kind) && drift.repairs < REPAIRS_MAX;
            if !repairs || self.is_adopting().await? {
                tracing::warn!(network = %code, sim = %drift.iccid, kind = drift.kind.as_str(),
                    found = drift.found.as_str(), what = drift.what, repairs = drift.repairs,
                    "the network has otherwise than the books say; see `provisor network check`");
                continue;
            }
            let found = round.looks.iter().find(|(seen, _)| seen.sim.iccid == drift.iccid);
            if let Some((standing, _)) = found {
                let origin = Origin { actor: RECONCILER.to_owned(), request_id: None };
                let ticket = self.reassert(code, standing, origin).await?;
                if let Some(ticket) = ticket {
                    tracing::info!(network = %code, sim = %drift.iccid, what = drift.what,
                        ticket.id = %ticket, "drift is being repaired");
                }
            }
        }
        Ok(())
    }

    /// Raises a ticket that gives the network again what the books say of a SIM. `None` when somebody else is changing
    /// it, or has since it was looked at: then there is nothing to repair yet.
    pub(super) async fn reassert(
        &self,
        network: &NetworkCode,
        standing: &Standing,
        origin: Origin,
    ) -> Result<Option<TicketId>, StoreError> {
        let sim = &standing.sim;
        let live = standing.service.as_ref().filter(|service| service.status.is_live());
        let ticket = NewTicket {
            order: Order::Reassert,
            subjects: vec![SubjectClaim {
                subject: Subject::Sim(sim.iccid.clone()),
                version: sim.version,
            }],
            customer: sim.customer.clone(),
            network: network.clone(),
            about: About::Service {
                iccid: sim.iccid.clone(),
                service: live.map(|service| service.code),
                cli: live.and_then(|service| service.cli.clone()),
            },
            secret: None,
            origin,
            idempotency: None,
            raised: self.clock.now(),
        };
        let raised = match self.open(ticket).await {
            Ok(Some(raised)) => raised.ticket,
            Ok(None) | Err(Error::Refused(Refusal::SubjectBusy(_))) => return Ok(None),
            Err(Error::Refused(refusal)) => {
                return Err(StoreError::Broken(format!("a reassertion was refused: {refusal}")));
            }
            Err(Error::Busy(error) | Error::Fault(error)) => return Err(error),
        };
        self.store.drift_repaired(network.clone(), sim.iccid.clone(), raised).await?;
        Ok(Some(raised))
    }
}
