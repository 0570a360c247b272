//! Connect: a new service on a SIM in stock (CCC document, "Connect Service").

use jiff::Timestamp;
use provisor_domain::order::Connect;
use provisor_domain::store::{ConnectAsk, ConnectFacts, NewTicket};
use provisor_domain::ticket::About;
use provisor_domain::{
    ApnCode, ContractCode, Iccid, Name, Order, Refusal, SimState, TariffCode, UserKind,
};

use super::{claim_of, replayed, restless};
use crate::call::{Call, Error, Raised};
use crate::engine::{Engine, STALE_ROUNDS_MAX};

/// What is to be connected.
#[derive(Debug, Clone)]
pub struct ConnectOrder {
    /// The SIM.
    pub iccid: Iccid,
    /// The name of the new service.
    pub name: Name,
    /// The contract it will be billed under.
    pub contract: ContractCode,
    /// Its tariff.
    pub tariff: TariffCode,
    /// Its APNs.
    pub apns: Vec<ApnCode>,
}

impl Engine {
    /// Raises a ticket to connect a service, or says why not.
    pub async fn connect_service(&self, call: &Call, order: ConnectOrder) -> Result<Raised, Error> {
        for _ in 0..STALE_ROUNDS_MAX {
            let ask = ConnectAsk {
                scope: call.scope(),
                iccid: order.iccid.clone(),
                contract: order.contract.clone(),
                tariff: order.tariff.clone(),
                apns: order.apns.clone(),
                idempotency: call.idempotency.clone(),
            };
            let facts = self.metrics.timed("connect_facts", self.store.connect_facts(ask)).await?;
            if let Some(raised) = replayed(facts.earlier)? {
                return Ok(raised);
            }
            let ticket = decide(call, &order, facts, self.clock.now())?;
            if let Some(raised) = self.open(ticket).await? {
                return Ok(raised);
            }
        }
        Err(restless())
    }
}

/// The order of the checks is the contract's (section 1.4).
fn decide(
    call: &Call,
    order: &ConnectOrder,
    facts: ConnectFacts,
    raised: Timestamp,
) -> Result<NewTicket, Refusal> {
    let customer = facts.contract_customer.ok_or(Refusal::ContractNotFound)?;
    let held = facts
        .sim
        .filter(|held| held.sim.customer == customer && held.sim.state != SimState::Retired)
        .ok_or(Refusal::SimNotAvailable)?;
    let network = facts.tariff_network.ok_or(Refusal::TariffNotFound)?;
    if facts.apn_networks.iter().any(|of| of.as_ref() != Some(&network)) {
        return Err(Refusal::ApnNotFound);
    }
    let group = match &call.caller.scope().kind {
        UserKind::Account => None,
        UserKind::Group(group) => Some(group.clone()),
        // A user of exactly one service cannot own a second one.
        UserKind::Service(_) | UserKind::Tenant(_) => return Err(Refusal::ServiceNotPermitted),
    };
    if let Some(holder) = held.open_ticket {
        return Err(Refusal::SubjectBusy(holder));
    }
    let bound_elsewhere = held.sim.network.as_ref().is_some_and(|own| *own != network);
    if held.sim.state != SimState::Stock || bound_elsewhere {
        return Err(Refusal::SimNotAvailable);
    }
    let connect = Connect {
        name: order.name.clone(),
        contract: order.contract.clone(),
        tariff: order.tariff.clone(),
        apns: order.apns.clone(),
        group,
    };
    Ok(NewTicket {
        order: Order::Connect(connect),
        subjects: vec![claim_of(&held.sim)],
        customer,
        network,
        about: About::Service { iccid: order.iccid.clone(), service: None, cli: held.sim.msisdn },
        secret: None,
        origin: call.origin(),
        idempotency: call.idempotency.clone(),
        raised,
    })
}
