//! Orders for an existing service: disconnect, rename, bars, bolt-ons, template, another SIM.

use jiff::Timestamp;
use provisor_domain::service::AppliedBar;
use provisor_domain::store::{
    ChangeAbout, ChangeAsk, ChangeFacts, NewTicket, Products, ServiceFound, SimFacts,
};
use provisor_domain::ticket::About;
use provisor_domain::{
    BarCode, BoltonCode, Iccid, Name, Order, Refusal, Service, ServiceSelector, SimState,
    TemplateCode,
};

use super::{claim_of, replayed, restless};
use crate::call::{Call, Error, Raised};
use crate::engine::{Engine, STALE_ROUNDS_MAX};

/// What is to be done to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceOrder {
    /// It ends.
    Disconnect,
    /// It gets another name.
    Rename(Name),
    /// A bar is applied.
    AddBar(BarCode),
    /// A bar is lifted.
    RemoveBar(BarCode),
    /// A bolt-on is added.
    AddBolton(BoltonCode),
    /// A bolt-on is taken away.
    RemoveBolton(BoltonCode),
    /// Tariff, APNs and bolt-ons become those of a template.
    ApplyTemplate(TemplateCode),
    /// It moves to another SIM.
    ChangeSim(Iccid),
}

impl ServiceOrder {
    fn about(&self) -> ChangeAbout {
        match self {
            Self::Disconnect | Self::Rename(_) => ChangeAbout::Nothing,
            Self::AddBar(code) | Self::RemoveBar(code) => ChangeAbout::Bar(code.clone()),
            Self::AddBolton(code) | Self::RemoveBolton(code) => ChangeAbout::Bolton(code.clone()),
            Self::ApplyTemplate(code) => ChangeAbout::Template(code.clone()),
            Self::ChangeSim(iccid) => ChangeAbout::NewSim(iccid.clone()),
        }
    }
}

impl Engine {
    /// Raises a ticket to change the service that `selector` names, or says why not.
    pub async fn change_service(
        &self,
        call: &Call,
        selector: ServiceSelector,
        order: ServiceOrder,
    ) -> Result<Raised, Error> {
        for _ in 0..STALE_ROUNDS_MAX {
            let ask = ChangeAsk {
                scope: call.scope(),
                selector: selector.clone(),
                about: order.about(),
                idempotency: call.idempotency.clone(),
            };
            let facts = self.metrics.timed("change_facts", self.store.change_facts(ask)).await?;
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

/// The order of the checks is the contract's (section 1.3): look-up, permission, state, lock.
fn decide(
    call: &Call,
    wanted: &ServiceOrder,
    facts: ChangeFacts,
    raised: Timestamp,
) -> Result<NewTicket, Refusal> {
    let found = match facts.service {
        ServiceFound::Absent => return Err(Refusal::ServiceNotFound),
        ServiceFound::OutsideKind => None,
        ServiceFound::Found(service) => Some(service),
    };
    look_up(wanted, &facts.products, found.as_deref())?;
    let service = found.ok_or(Refusal::ServiceNotPermitted)?;
    let order = permitted(wanted, &facts.products, &service)?;
    if !service.status.is_live() {
        return Err(Refusal::ServiceNotActive);
    }
    let sims = [facts.sim, new_sim(facts.products)];
    let held: Vec<&SimFacts> = sims.iter().flatten().collect();
    if let Some(holder) = held.iter().find_map(|sim| sim.open_ticket) {
        return Err(Refusal::SubjectBusy(holder));
    }
    Ok(NewTicket {
        order,
        subjects: held.iter().map(|held| claim_of(&held.sim)).collect(),
        customer: service.customer,
        network: service.network,
        about: About::Service {
            iccid: service.iccid,
            service: Some(service.code),
            cli: service.cli,
        },
        secret: None,
        origin: call.origin(),
        idempotency: call.idempotency.clone(),
        raised,
    })
}

fn new_sim(products: Products) -> Option<SimFacts> {
    match products {
        Products::NewSim(sim) => sim,
        _ => None,
    }
}

/// Whether what the order names besides the service exists for this caller.
fn look_up(
    order: &ServiceOrder,
    products: &Products,
    service: Option<&Service>,
) -> Result<(), Refusal> {
    match (order, products) {
        (ServiceOrder::ApplyTemplate(_), Products::Template(template)) => {
            let fits = template.as_ref().filter(|t| service.is_none_or(|s| s.network == t.network));
            fits.map(|_| ()).ok_or(Refusal::TemplateNotFound)
        }
        (ServiceOrder::ChangeSim(_), Products::NewSim(held)) => {
            let fits = held.as_ref().is_some_and(|held| {
                held.sim.state == SimState::Stock
                    && service.is_none_or(|s| {
                        held.sim.customer == s.customer
                            && held.sim.network.as_ref().is_none_or(|own| *own == s.network)
                    })
            });
            if fits { Ok(()) } else { Err(Refusal::SimNotAvailable) }
        }
        _ => Ok(()),
    }
}

/// The typed order, when the user may give it. A bar or bolt-on of another network does not exist for this service.
fn permitted(
    wanted: &ServiceOrder,
    products: &Products,
    service: &Service,
) -> Result<Order, Refusal> {
    Ok(match wanted {
        ServiceOrder::Disconnect => Order::Disconnect,
        ServiceOrder::Rename(name) => Order::Rename { name: name.clone() },
        ServiceOrder::AddBar(code) | ServiceOrder::RemoveBar(code) => {
            let bar = match products {
                Products::Bar(Some(bar)) if bar.network == service.network => bar,
                _ => return Err(Refusal::BarNotPermitted(code.clone())),
            };
            if matches!(wanted, ServiceOrder::AddBar(_)) {
                Order::AddBar { bar: AppliedBar { code: code.clone(), suspends: bar.suspends } }
            } else {
                Order::RemoveBar { bar: code.clone() }
            }
        }
        ServiceOrder::AddBolton(code) | ServiceOrder::RemoveBolton(code) => {
            match products {
                Products::Bolton(Some(network)) if *network == service.network => {}
                _ => return Err(Refusal::BoltonNotPermitted(code.clone())),
            }
            if matches!(wanted, ServiceOrder::AddBolton(_)) {
                Order::AddBolton { bolton: code.clone() }
            } else {
                Order::RemoveBolton { bolton: code.clone() }
            }
        }
        ServiceOrder::ApplyTemplate(_) => match products {
            Products::Template(Some(template)) => Order::ApplyTemplate {
                tariff: template.tariff.clone(),
                apns: template.apns.clone(),
                boltons: template.boltons.clone(),
            },
            _ => return Err(Refusal::TemplateNotFound),
        },
        ServiceOrder::ChangeSim(iccid) => Order::ChangeSim { new_sim: iccid.clone() },
    })
}
