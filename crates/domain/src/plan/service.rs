//! Plans of orders about a SIM and the service in it.

use super::{
    Change, Instruction, NewService, Plan, ServiceBooks, ServiceChange, broken, mismatched, not_yet,
};
use crate::driver::{Command, OnceKey, Subscription, Want, Wanted};
use crate::order::Connect;
use crate::service::Products;
use crate::ticket::Failure;
use crate::{
    Iccid, Msisdn, NetworkCode, Order, SealedKeys, Service, ServiceStatus, SimRecord, SimState,
    TariffCode,
};

/// The epoch of a ticket's first attempt: what an earlier one sent may be there.
const FIRST_EPOCH: i64 = 1;

pub(super) fn plan(order: &Order, books: &ServiceBooks, once: OnceKey) -> Result<Plan, Failure> {
    let (wants, change) = match order {
        Order::Connect(connect) => plan_connect(connect, books)?,
        Order::Disconnect => plan_disconnect(live(books)?, books),
        Order::ChangeSim { new_sim } => plan_change_sim(live(books)?, new_sim, books)?,
        Order::Reassert => plan_reassert(books)?,
        Order::Rename { name } => {
            let renamed = Service { name: name.clone(), ..live(books)?.clone() };
            let service = Some(ServiceChange::Update(renamed));
            (Vec::new(), Change { service, ..Change::default() })
        }
        Order::AddBar { .. }
        | Order::RemoveBar { .. }
        | Order::AddBolton { .. }
        | Order::RemoveBolton { .. }
        | Order::ApplyTemplate { .. } => plan_products(order, live(books)?, books),
        Order::PortalEnable
        | Order::PortalDisable
        | Order::PortalPassword { .. }
        | Order::PackEnable { .. }
        | Order::PackDisable { .. } => return Err(mismatched()),
    };
    let fresh = matches!(order, Order::Connect(_)) && once.epoch <= FIRST_EPOCH;
    let command = Command { once, wants, fresh };
    let command = (!command.wants.is_empty()).then_some(Instruction::Network(command));
    Ok(Plan { command, change })
}

type WantsAndChange = (Vec<Want>, Change);

fn live(books: &ServiceBooks) -> Result<&Service, Failure> {
    match &books.service {
        Some(service) if service.status.is_live() => Ok(service),
        _ => Err(broken("the service is not active any more")),
    }
}

/// The SIM is not to be known any more. Its keys are nobody's business then.
fn absent(sim: &SimRecord) -> Want {
    let (iccid, imsi) = (sim.iccid.clone(), sim.imsi.clone());
    Want { iccid, imsi, keys: SealedKeys::default(), state: Wanted::Absent }
}

/// The SIM that the service is in afterwards.
fn present(sim: &SimRecord, books: &ServiceBooks, subscription: Subscription) -> Want {
    Want {
        iccid: sim.iccid.clone(),
        imsi: sim.imsi.clone(),
        keys: books.keys.clone(),
        state: Wanted::Present(subscription),
    }
}

pub(super) fn subscription(service: &Service) -> Subscription {
    Subscription {
        msisdn: service.cli.clone(),
        tariff: service.tariff.clone(),
        products: service.products.clone(),
    }
}

/// What the books say that `network` is to have for a SIM in which `service` is or was. Nothing is said about its keys.
pub(super) fn wanted(network: &NetworkCode, sim: &SimRecord, service: Option<&Service>) -> Want {
    let served = service.filter(|service| {
        service.status.is_live() && service.iccid == sim.iccid && service.network == *network
    });
    let state = served.map_or(Wanted::Absent, |served| Wanted::Present(subscription(served)));
    Want { state, ..absent(sim) }
}

/// The SIM stays where it stands, and its version moves on: what was found by looking before is void.
fn plan_reassert(books: &ServiceBooks) -> Result<WantsAndChange, Failure> {
    let live = books.service.as_ref().is_some_and(|service| service.status.is_live());
    if live != (books.sim.state == SimState::InUse) {
        return Err(broken("the ticket's service is not the one that is in the SIM now"));
    }
    let sims = vec![(books.sim.iccid.clone(), books.sim.state)];
    let want = wanted(&books.network, &books.sim, books.service.as_ref());
    // A network that lost the SIM lost its keys, too.
    let keys = if live { books.keys.clone() } else { SealedKeys::default() };
    Ok((vec![Want { keys, ..want }], Change { sims, ..Change::default() }))
}

fn plan_connect(connect: &Connect, books: &ServiceBooks) -> Result<WantsAndChange, Failure> {
    if books.sim.state != SimState::Stock {
        return Err(broken("the SIM is not in stock any more"));
    }
    if books.range_exhausted {
        return Err(not_yet(
            "no number of the network's range is free: enlarge number_range in the catalogue",
        ));
    }
    let subscription = connected(connect, books.number.clone());
    let service = NewService {
        name: connect.name.clone(),
        cli: books.number.clone(),
        iccid: books.sim.iccid.clone(),
        network: books.network.clone(),
        contract: connect.contract.clone(),
        customer: books.customer.clone(),
        tariff: connect.tariff.clone(),
        group: connect.group.clone(),
        products: subscription.products.clone(),
    };
    let change = Change {
        service: Some(ServiceChange::Create(service)),
        sims: vec![(books.sim.iccid.clone(), SimState::InUse)],
        ..Change::default()
    };
    Ok((vec![present(&books.sim, books, subscription)], change))
}

/// What a network is to have for a new service.
pub(super) fn connected(connect: &Connect, number: Option<Msisdn>) -> Subscription {
    Subscription {
        msisdn: number,
        tariff: connect.tariff.clone(),
        products: Products { apns: connect.apns.clone(), ..Products::default() },
    }
}

fn plan_disconnect(service: &Service, books: &ServiceBooks) -> WantsAndChange {
    // The SIM's own number stays with it; only a number of the network's range is given back.
    let released = service.cli.clone().filter(|cli| books.sim.msisdn.as_ref() != Some(cli));
    let after = Service { status: ServiceStatus::SwitchedOff, ..service.clone() };
    let change = Change {
        service: Some(ServiceChange::Update(after)),
        sims: vec![(books.sim.iccid.clone(), SimState::Stock)],
        released,
        ..Change::default()
    };
    (vec![absent(&books.sim)], change)
}

fn plan_change_sim(
    service: &Service,
    new_sim: &Iccid,
    books: &ServiceBooks,
) -> Result<WantsAndChange, Failure> {
    let new = match &books.new_sim {
        Some(sim) if sim.iccid == *new_sim && sim.state == SimState::Stock => sim,
        _ => return Err(broken("the new SIM is not in stock any more")),
    };
    let after = Service { iccid: new.iccid.clone(), ..service.clone() };
    // The old SIM goes first: a network keeps a number for one subscriber at a time.
    let wants = vec![absent(&books.sim), present(new, books, subscription(&after))];
    let change = Change {
        service: Some(ServiceChange::Update(after)),
        sims: vec![
            (books.sim.iccid.clone(), SimState::Retired),
            (new.iccid.clone(), SimState::InUse),
        ],
        ..Change::default()
    };
    Ok((wants, change))
}

/// Orders that only change what is on the service. One that changes nothing does not touch the network.
fn plan_products(order: &Order, service: &Service, books: &ServiceBooks) -> WantsAndChange {
    let mut after = service.clone();
    set_products(order, &mut after.tariff, &mut after.products);
    if after == *service {
        return (Vec::new(), Change::default());
    }
    after.status = after.products.live_status();
    let wants = vec![present(&books.sim, books, subscription(&after))];
    (wants, Change { service: Some(ServiceChange::Update(after)), ..Change::default() })
}

/// What `order` makes of a tariff and products; nothing when it is not about them.
pub(super) fn set_products(order: &Order, tariff: &mut TariffCode, products: &mut Products) {
    match order {
        Order::AddBar { bar } if !products.bars.iter().any(|b| b.code == bar.code) => {
            products.bars.push(bar.clone());
        }
        Order::RemoveBar { bar } => products.bars.retain(|applied| applied.code != *bar),
        Order::AddBolton { bolton } if !products.boltons.contains(bolton) => {
            products.boltons.push(bolton.clone());
        }
        Order::RemoveBolton { bolton } => products.boltons.retain(|added| added != bolton),
        Order::ApplyTemplate { tariff: new, apns, boltons } => {
            tariff.clone_from(new);
            products.apns.clone_from(apns);
            products.boltons.clone_from(boltons);
        }
        _ => {} // there already, or not about products
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::AppliedBar;
    use crate::ticket::FailureKind;
    use crate::{ServiceCode, TicketId};

    fn once() -> OnceKey {
        OnceKey { ticket: TicketId::FIRST, epoch: 1 }
    }

    fn books(service: Option<Service>) -> ServiceBooks {
        let sim = SimRecord {
            iccid: "8910390000015161789".parse().unwrap(),
            imsi: Some("901700000000001".parse().unwrap()),
            msisdn: None,
            customer: "1000000".parse().unwrap(),
            network: None,
            state: if service.is_some() { SimState::InUse } else { SimState::Stock },
            version: 1,
        };
        let number = Some("07700900001".parse().unwrap());
        let customer = sim.customer.clone();
        ServiceBooks {
            customer,
            network: "AS".parse().unwrap(),
            sim,
            service,
            new_sim: None,
            keys: SealedKeys { ki: Some("sealed ki".into()), opc: None },
            number,
            range_exhausted: false,
        }
    }

    fn service() -> Service {
        Service {
            code: ServiceCode::FIRST,
            name: "Marion Gomez".parse().unwrap(),
            status: ServiceStatus::Active,
            cli: Some("07700900001".parse().unwrap()),
            iccid: "8910390000015161789".parse().unwrap(),
            network: "AS".parse().unwrap(),
            contract: "1000274".parse().unwrap(),
            customer: "1000000".parse().unwrap(),
            tariff: "TEASEU1000MB".parse().unwrap(),
            group: None,
            products: Products::default(),
        }
    }

    fn suspend() -> Order {
        let bar = AppliedBar { code: "AS_SUS_MSISDN".parse().unwrap(), suspends: true };
        Order::AddBar { bar }
    }

    fn updated(plan: &Plan) -> &Service {
        match &plan.change.service {
            Some(ServiceChange::Update(service)) => service,
            other => panic!("not an update: {other:?}"),
        }
    }

    #[test]
    fn a_suspending_bar_bars_the_service_and_lifting_the_last_one_activates_it() {
        let first = plan(&suspend(), &books(Some(service())), once()).unwrap();
        assert_eq!(updated(&first).status, ServiceStatus::Barred);
        let lift = Order::RemoveBar { bar: "AS_SUS_MSISDN".parse().unwrap() };
        let second = plan(&lift, &books(Some(updated(&first).clone())), once()).unwrap();
        assert_eq!(updated(&second).status, ServiceStatus::Active);
        assert!(second.command.is_some());
    }

    #[test]
    fn a_bar_that_is_already_there_does_not_touch_the_network() {
        let barred = updated(&plan(&suspend(), &books(Some(service())), once()).unwrap()).clone();
        let again = plan(&suspend(), &books(Some(barred)), once()).unwrap();
        assert_eq!(again, Plan { command: None, change: Change::default() });
    }

    #[test]
    fn a_range_number_is_released_and_a_sims_own_is_kept() {
        let by_range = plan(&Order::Disconnect, &books(Some(service())), once()).unwrap();
        assert_eq!(by_range.change.released, service().cli);
        let mut own = books(Some(service()));
        own.sim.msisdn = service().cli;
        assert_eq!(plan(&Order::Disconnect, &own, once()).unwrap().change.released, None);
    }

    fn connect() -> Order {
        Order::Connect(Connect {
            name: "Marion Gomez".parse().unwrap(),
            contract: "1000274".parse().unwrap(),
            tariff: "TEASEU1000MB".parse().unwrap(),
            apns: Vec::new(),
            group: None,
        })
    }

    #[test]
    fn only_the_first_attempt_to_connect_takes_a_sim_for_new() {
        let fresh = |order: &Order, books: &ServiceBooks, epoch| {
            let once = OnceKey { epoch, ..once() };
            match plan(order, books, once).unwrap().command {
                Some(Instruction::Network(Command { fresh, .. })) => fresh,
                other => panic!("{other:?}"),
            }
        };
        assert!(fresh(&connect(), &books(None), 1));
        assert!(!fresh(&connect(), &books(None), 2), "an earlier attempt may have made it");
        assert!(!fresh(&suspend(), &books(Some(service())), 1));
    }

    #[test]
    fn a_connect_waits_while_no_number_is_free() {
        let exhausted = ServiceBooks { number: None, range_exhausted: true, ..books(None) };
        let failure = plan(&connect(), &exhausted, once()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        let none = ServiceBooks { range_exhausted: false, ..exhausted };
        assert!(plan(&connect(), &none, once()).is_ok());
    }

    #[test]
    fn a_sim_change_takes_the_number_off_the_old_sim_first() {
        let mut both = books(Some(service()));
        let new_sim: Iccid = "8944110011462295831".parse().unwrap();
        both.new_sim =
            Some(SimRecord { iccid: new_sim.clone(), state: SimState::Stock, ..both.sim.clone() });
        let moved = plan(&Order::ChangeSim { new_sim: new_sim.clone() }, &both, once()).unwrap();
        let Some(Instruction::Network(Command { wants, .. })) = moved.command else {
            panic!("{moved:?}")
        };
        assert_eq!(wants[0].state, Wanted::Absent);
        assert_eq!(wants[1].iccid, new_sim);
        // The keys are the new SIM's.
        assert!(wants[0].keys.is_empty());
        assert_eq!(wants[1].keys, both.keys);
        assert_eq!(moved.change.sims[0].1, SimState::Retired);
    }

    #[test]
    fn what_is_reasserted_is_what_the_books_say_when_the_ticket_is_carried_out() {
        let state = |books: &ServiceBooks| {
            let plan = plan(&Order::Reassert, books, once()).unwrap();
            let sims = vec![(books.sim.iccid.clone(), books.sim.state)];
            assert_eq!(plan.change, Change { sims, ..Change::default() });
            match plan.command {
                Some(Instruction::Network(Command { wants, .. })) => wants[0].state.clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(state(&books(Some(service()))), Wanted::Present(subscription(&service())));
        assert_eq!(state(&books(None)), Wanted::Absent);
        let elsewhere = Service { network: "NO".parse().unwrap(), ..service() };
        assert_eq!(state(&books(Some(elsewhere))), Wanted::Absent, "another network serves it");
        // The SIM was connected again, past the ticket's lock: what is there is not to be taken away.
        let reused = ServiceBooks { service: None, ..books(Some(service())) };
        let failure = plan(&Order::Reassert, &reused, once()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Books);
    }

    #[test]
    fn an_order_for_a_service_that_is_gone_fails_instead_of_reaching_the_network() {
        let gone = Service { status: ServiceStatus::SwitchedOff, ..service() };
        let failure = plan(&Order::Disconnect, &books(Some(gone)), once()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Books);
    }
}
