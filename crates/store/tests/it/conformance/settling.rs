//! Settling attempts.

use std::sync::Arc;

use provisor_domain::plan::ServiceChange;
use provisor_domain::service::AppliedBar;
use provisor_domain::store::{Opened, Settled, Store, TicketMoved, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Order, ServiceCode, ServiceStatus, SimState, TicketState};

use super::world::{
    MARIO, World, a, completed, failure, iccid, origin, own_number, planned, service_books,
    settlement, stock_sim,
};

async fn live_services(world: &World) -> Vec<u64> {
    let scope = world.scope("MarioG").await;
    let contracts = world.store.contract_list(scope, a(MARIO)).await.unwrap();
    contracts.iter().map(|contract| contract.active_services).collect()
}

pub(crate) async fn a_completed_connect_is_a_service(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let before = world.sim(0).await;
    let id = world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.at(1)).await.remove(0);
    assert_eq!(world.settle(&lease, completed(&lease), world.at(2)).await, Settled::Done);

    let shown = world.store.ticket_show(id).await.unwrap().unwrap();
    assert_eq!(shown.ticket.state, TicketState::Completed);
    assert_eq!(shown.ticket.finished, Some(world.at(2)));
    assert_eq!(shown.ticket.about.service(), Some(ServiceCode::FIRST));
    assert_eq!(shown.ticket.about.cli(), Some(&a("07700900000")));
    let attempt = &shown.attempts[0];
    assert_eq!((attempt.epoch, attempt.state), (1, TicketState::Completed));
    assert_eq!((attempt.began, attempt.ended), (world.at(2), world.at(2)));

    let service = world.service(ServiceCode::FIRST).await;
    assert_eq!((service.status, &service.iccid), (ServiceStatus::Active, &iccid(0)));
    assert_eq!((&service.contract, &service.customer), (&a("1000274"), &a(MARIO)));
    assert_eq!((&service.tariff, &service.cli), (&a("EU"), &Some(a("07700900000"))));
    assert_eq!(service.products.apns, [a("CROUT")]);
    let sim = world.sim(0).await;
    assert_eq!(sim.state, SimState::InUse);
    assert!(sim.version > before.version);
    assert_eq!(live_services(&world).await, [1, 0]);
    // The subject is free again.
    world.opened(world.change(&service, Order::Disconnect).await).await;
}

pub(crate) async fn a_failed_ticket_changes_nothing(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let before = world.sim(0).await;
    let id = world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let why = failure(FailureKind::Permanent);
    let failed = Verdict::Failed(why.clone());
    assert_eq!(world.settle(&lease, failed, world.at(1)).await, Settled::Done);
    let shown = world.store.ticket_show(id).await.unwrap().unwrap();
    assert_eq!(
        (shown.ticket.state, shown.ticket.finished),
        (TicketState::Failed, Some(world.at(1)))
    );
    assert_eq!((shown.ticket.about.service(), shown.ticket.about.cli()), (None, None));
    assert_eq!(shown.ticket.failure, Some(why.clone()));
    assert_eq!(shown.attempts[0].failure, Some(why));
    assert_eq!(world.sim(0).await, before);
    assert_eq!(live_services(&world).await, [0, 0]);
    world.opened(world.connect(0).await).await;
}

pub(crate) async fn a_postponed_ticket_comes_back(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let id = world.opened(world.connect(0).await).await;
    let mut now = world.start;
    for (round, counts) in [(1_i64, true), (2, false), (3, true)] {
        let lease = world.claim(1, now).await.remove(0);
        assert_eq!((lease.epoch, lease.in_doubt), (round, round == 3));
        assert_eq!(lease.attempts_before, u32::from(round > 1), "the second one did not count");
        let (due, why) = (world.at(round * 100), failure(FailureKind::Transient));
        let postponed =
            Verdict::Postponed { due, failure: why.clone(), counts, in_doubt: round == 2 };
        assert_eq!(world.settle(&lease, postponed, now).await, Settled::Done);
        let ticket = world.ticket(id).await;
        assert_eq!((ticket.state, ticket.due), (TicketState::Pending, due));
        assert_eq!((ticket.failure, ticket.finished), (Some(why), None));
        assert!(matches!(world.open(world.connect(0).await).await, Opened::Busy(_)));
        now = due;
    }
    let lease = world.claim(1, now).await.remove(0);
    assert_eq!((lease.attempts_before, lease.in_doubt), (2, false));
    assert_eq!(world.settle(&lease, completed(&lease), now).await, Settled::Done);
    let shown = world.store.ticket_show(id).await.unwrap().unwrap();
    assert_eq!((shown.ticket.failure, shown.ticket.attempts), (None, 4));
    let states: Vec<_> = shown.attempts.iter().map(|attempt| attempt.state).collect();
    let pending = TicketState::Pending;
    assert_eq!(states, [pending, pending, pending, TicketState::Completed]);
}

pub(crate) async fn an_unknown_ticket_waits_for_a_person(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let id = world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    assert_eq!(world.settle(&lease, lost, world.start).await, Settled::Done);
    assert_eq!(world.ticket(id).await.state, TicketState::Unknown);
    assert!(world.claim(1, world.at(1_000_000)).await.is_empty());
    assert_eq!(world.open(world.connect(0).await).await, Opened::Busy(id));
    let moved = world.store.ticket_retry(id, origin(), world.at(9)).await.unwrap();
    assert_eq!(moved, TicketMoved::To(TicketState::Pending));
    let lease = world.claim(1, world.at(9)).await.remove(0);
    assert_eq!((lease.attempts_before, lease.in_doubt), (0, true));
    assert_eq!(service_books(&lease).number, Some(a("07700900000")), "its number was kept");
}

pub(crate) async fn a_lease_is_settled_once(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let twice = vec![settlement(&lease, completed(&lease), world.start); 2];
    let settled = world.store.ticket_settle(twice, world.start).await.unwrap();
    assert_eq!(settled, [Settled::Done, Settled::LeaseLost]);
    let later = world.settle(&lease, completed(&lease), world.start).await;
    assert_eq!(later, Settled::LeaseLost);
    assert_eq!(live_services(&world).await, [1, 0]);
}

pub(crate) async fn what_the_books_refuse_harms_nobody_else(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    for number in 0..3 {
        world.opened(world.connect(number).await).await;
    }
    let leases = world.claim(3, world.start).await;
    let mut settlements: Vec<_> =
        leases.iter().map(|lease| settlement(lease, completed(lease), world.start)).collect();
    // The second one wants the number that the first one gets.
    let mut change = planned(&leases[1]);
    match &mut change.service {
        Some(ServiceChange::Create(new)) => new.cli.clone_from(&service_books(&leases[0]).number),
        other => panic!("{other:?}"),
    }
    settlements[1].verdict = Verdict::Completed(Box::new(change));
    let settled = world.store.ticket_settle(settlements, world.start).await.unwrap();
    assert!(matches!(&settled[1], Settled::Refused(reason) if !reason.is_empty()), "{settled:?}");
    assert_eq!((&settled[0], &settled[2]), (&Settled::Done, &Settled::Done));
    assert_eq!(world.ticket(leases[1].ticket).await.state, TicketState::Running);
    assert_eq!(world.sim(1).await.state, SimState::Stock);
    assert_eq!(live_services(&world).await, [2, 0]);
    // Codes have no gap where the refused one was.
    let third = world.ticket(leases[2].ticket).await.about.service().unwrap();
    assert_eq!(third.number(), ServiceCode::FIRST.number() + 1);
    // What was written of a settlement before it was refused is not there either.
    let mut change = planned(&leases[1]);
    change.sims.push((iccid(77), SimState::Stock));
    let refused = world.settle(&leases[1], Verdict::Completed(Box::new(change)), world.start).await;
    assert!(matches!(refused, Settled::Refused(_)), "{refused:?}");
    assert_eq!(world.sim(1).await.state, SimState::Stock);
    assert_eq!(live_services(&world).await, [2, 0]);
    // The refused one still has its lease.
    let why = failure(FailureKind::Books);
    assert_eq!(world.settle(&leases[1], Verdict::Failed(why), world.start).await, Settled::Done);
}

pub(crate) async fn every_kind_of_order_changes_the_books(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    world.add_sims(vec![own_number(stock_sim(1, MARIO), "07718123456")]).await;
    let service = world.connected(0).await;
    let mut version = world.sim(0).await.version;
    let bar = AppliedBar { code: a("AS_SUS_MSISDN"), suspends: true };
    let template =
        Order::ApplyTemplate { tariff: a("EU"), apns: vec![], boltons: vec![a("SECRET")] };
    let orders = [
        (Order::Rename { name: a("Zoë") }, ServiceStatus::Active),
        (Order::AddBar { bar: bar.clone() }, ServiceStatus::Barred),
        (Order::RemoveBar { bar: bar.code.clone() }, ServiceStatus::Active),
        (Order::AddBolton { bolton: a("ROAM") }, ServiceStatus::Active),
        (Order::RemoveBolton { bolton: a("ROAM") }, ServiceStatus::Active),
        (template, ServiceStatus::Active),
    ];
    for (order, status) in orders {
        world.done(world.change(&service, order.clone()).await, world.start).await;
        let after = world.service(service.code).await;
        assert_eq!(after.status, status, "{order:?}");
        let now = world.sim(0).await.version;
        assert!(now > version, "{order:?} did not move the SIM's version");
        version = now;
        assert_eq!(live_services(&world).await, [1, 0]);
    }
    let after = world.service(service.code).await;
    assert_eq!((after.name, after.products.boltons), (a("Zoë"), vec![a("SECRET")]));

    let mut change_sim = world.change(&service, Order::ChangeSim { new_sim: iccid(1) }).await;
    change_sim.subjects.push(world.connect(1).await.subjects.remove(0));
    world.done(change_sim, world.start).await;
    let moved = world.service(service.code).await;
    assert_eq!((&moved.iccid, &moved.cli), (&iccid(1), &service.cli));
    let states = (world.sim(0).await.state, world.sim(1).await.state);
    assert_eq!(states, (SimState::Retired, SimState::InUse));

    world.done(world.change(&moved, Order::Disconnect).await, world.start).await;
    assert_eq!(world.service(service.code).await.status, ServiceStatus::SwitchedOff);
    assert_eq!(world.sim(1).await.state, SimState::Stock);
    assert_eq!(live_services(&world).await, [0, 0]);
    // The SIM may have a new life; the old service stays as it was.
    let second = world.connected(1).await;
    assert!(second.code > service.code);
    assert_eq!(second.cli, Some(a("07718123456")));
}
