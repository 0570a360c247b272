//! What operators do.

use std::sync::Arc;

use provisor_domain::store::{
    CloseOutcome, NewTicket, QueueStat, Settled, Store, TicketFilter, TicketMoved, Verdict,
};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{
    Order, OrderKind, ServiceCode, ServiceStatus, SimState, TicketId, TicketState,
};

use super::world::{LUIGI, MARIO, World, a, all_tickets, failure, iccid, origin, stock_sim};

pub(crate) async fn maintenance_and_stamps(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.store.ping().await.unwrap();
    let before = world.store.stamp().await.unwrap();
    assert!(!before.maintenance);
    for on in [true, true, false] {
        world.store.maintenance_set(on, origin(), world.start).await.unwrap();
        assert_eq!(world.store.stamp().await.unwrap().maintenance, on);
    }
    assert_eq!(world.store.stamp().await.unwrap(), before);
    let key = world.store.installation_key().await.unwrap();
    assert_eq!(world.store.installation_key().await.unwrap(), key);
    assert_ne!(key, [0; 32]);
}

pub(crate) async fn tickets_are_listed(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 4).await;
    world.add_sims(vec![stock_sim(4, LUIGI)]).await;
    let service = world.connected(0).await;
    let mut ids = vec![TicketId::FIRST];
    ids.push(world.opened(world.change(&service, Order::Disconnect).await).await);
    ids.push(world.opened(NewTicket { network: a("NO"), ..world.connect(1).await }).await);
    ids.push(world.opened(world.connect(4).await).await);
    ids.push(world.opened(world.connect(2).await).await);
    let list = async |filter: TicketFilter| {
        let tickets = world.store.ticket_list(filter).await.unwrap();
        let place = |id: &TicketId| ids.iter().position(|i| i == id).unwrap();
        tickets.iter().map(|ticket| place(&ticket.id)).collect::<Vec<_>>()
    };
    let all = all_tickets();
    assert_eq!(list(all.clone()).await, [4, 3, 2, 1, 0]);
    assert_eq!(list(TicketFilter { limit: 2, ..all.clone() }).await, [4, 3]);
    let before = Some(ids[3]);
    assert_eq!(list(TicketFilter { before, limit: 2, ..all.clone() }).await, [2, 1]);
    let by_customer = TicketFilter { customer: Some(a(MARIO)), ..all.clone() };
    assert_eq!(list(by_customer.clone()).await, [4, 2, 1, 0]);
    assert_eq!(list(TicketFilter { before, limit: 1, ..by_customer.clone() }).await, [2]);
    let by_sim = TicketFilter { iccid: Some(iccid(0)), ..all.clone() };
    assert_eq!(list(by_sim.clone()).await, [1, 0]);
    assert_eq!(list(TicketFilter { customer: Some(a(LUIGI)), ..by_sim.clone() }).await, [0; 0]);
    let by_network = TicketFilter { network: Some(a("NO")), ..all.clone() };
    assert_eq!(list(by_network).await, [2]);
    let by_state = |states: &[TicketState]| TicketFilter { states: states.to_vec(), ..all.clone() };
    assert_eq!(list(by_state(&[TicketState::Completed])).await, [0]);
    assert_eq!(list(by_state(&[TicketState::Pending])).await, [4, 3, 2, 1]);
    let open = [TicketState::Running, TicketState::Pending, TicketState::Unknown];
    assert_eq!(list(TicketFilter { before, ..by_state(&open) }).await, [2, 1]);
    assert_eq!(list(by_state(&[TicketState::Pending, TicketState::Completed])).await.len(), 5);
    let states = vec![TicketState::Completed];
    assert_eq!(list(TicketFilter { states, ..by_sim }).await, [0]);
    assert_eq!(
        world.store.ticket_show(TicketId::new(9_999).unwrap()).await.unwrap().map(drop),
        None
    );
}

pub(crate) async fn tickets_are_moved_by_hand(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let retry = async |id| world.store.ticket_retry(id, origin(), world.at(2)).await.unwrap();
    let cancel = async |id| {
        let reason = "not wanted".to_owned();
        world.store.ticket_cancel(id, reason, origin(), world.at(3)).await.unwrap()
    };
    let id = world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let running = TicketMoved::NotFrom(TicketState::Running);
    assert_eq!((retry(id).await, cancel(id).await), (running, running));
    let why = failure(FailureKind::Transient);
    let due = world.at(1_000);
    let later = Verdict::Postponed { due, failure: why, counts: true, in_doubt: false };
    assert_eq!(world.settle(&lease, later, world.at(1)).await, Settled::Done);
    assert_eq!(retry(id).await, TicketMoved::To(TicketState::Pending));
    let lease = world.claim(1, world.at(2)).await.remove(0);
    assert_eq!(lease.attempts_before, 1, "only an unknown one starts again from nothing");
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    assert_eq!(world.settle(&lease, lost, world.at(2)).await, Settled::Done);
    assert_eq!(cancel(id).await, TicketMoved::To(TicketState::Cancelled));
    let ticket = world.ticket(id).await;
    assert_eq!((ticket.state, ticket.finished), (TicketState::Cancelled, Some(world.at(3))));
    let failure = ticket.failure.unwrap();
    assert_eq!((failure.kind, failure.reason.as_str()), (FailureKind::Cancelled, "not wanted"));
    let cancelled = TicketMoved::NotFrom(TicketState::Cancelled);
    assert_eq!((retry(id).await, cancel(id).await), (cancelled, cancelled));
    let absent = TicketId::new(9_999).unwrap();
    assert_eq!(
        (retry(absent).await, cancel(absent).await),
        (TicketMoved::Absent, TicketMoved::Absent)
    );
    assert_eq!(world.sim(0).await.state, SimState::Stock);
    world.opened(world.connect(0).await).await; // its subject is free
}

pub(crate) async fn services_are_closed(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let (over, live) = (world.connected(0).await, world.connected(1).await);
    let close = async |codes: Vec<ServiceCode>| {
        world.store.service_close(codes, origin(), world.start).await.unwrap()
    };
    let leaving = world.opened(world.change(&over, Order::Disconnect).await).await;
    assert_eq!(close(vec![over.code]).await, [CloseOutcome::NotSwitchedOff]);
    world.carry_out(world.start).await;
    assert_eq!(world.ticket(leaving).await.state, TicketState::Completed);
    let over = world.service(over.code).await;
    let pointless = world.opened(world.change(&over, Order::Disconnect).await).await;
    assert_eq!(close(vec![over.code]).await, [CloseOutcome::NotSwitchedOff], "a ticket is open");
    let reason = "it is off already".to_owned();
    world.store.ticket_cancel(pointless, reason, origin(), world.start).await.unwrap();
    // The SIM's next life does not keep its last one open.
    world.opened(world.connect(0).await).await;
    let version = world.sim(0).await.version;
    let unknown = ServiceCode::new(77).unwrap();
    let outcomes = close(vec![live.code, over.code, over.code, unknown]).await;
    let wanted = [
        CloseOutcome::NotSwitchedOff,
        CloseOutcome::Closed,
        CloseOutcome::AlreadyClosed,
        CloseOutcome::Absent,
    ];
    assert_eq!(outcomes, wanted);
    assert_eq!(world.service(over.code).await.status, ServiceStatus::Closed);
    assert_eq!(world.service(live.code).await.status, ServiceStatus::Active);
    assert!(world.sim(0).await.version > version);
}

pub(crate) async fn queues_are_counted(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 6).await;
    assert_eq!(world.store.queue_stats().await.unwrap(), []);
    let service = world.connected(0).await;
    assert_eq!(world.store.queue_stats().await.unwrap(), [], "only open ones count");
    let elsewhere = NewTicket { network: a("NO"), ..world.connect(1).await };
    world.opened(elsewhere).await;
    // A SIM change holds two subjects and is one ticket.
    let mut change = world.change(&service, Order::ChangeSim { new_sim: iccid(2) }).await;
    change.subjects.push(world.connect(2).await.subjects.remove(0));
    world.opened(NewTicket { raised: world.at(9), ..change }).await;
    for (sim, seconds) in [(3, 30), (4, 20)] {
        let connect = NewTicket { raised: world.at(seconds), ..world.connect(sim).await };
        world.opened(connect).await;
    }
    let lease = world.claim(1, world.at(9)).await.remove(0);
    assert_eq!(lease.kind, OrderKind::ChangeSim);
    let stat = |network: &str, kind, state, count, seconds| QueueStat {
        network: a(network),
        kind,
        state,
        count,
        oldest: world.at(seconds),
    };
    let mut stats = world.store.queue_stats().await.unwrap();
    stats.sort_by_key(|stat| (stat.network.clone(), stat.kind));
    let wanted = [
        stat("AS", OrderKind::Connect, TicketState::Pending, 2, 20),
        stat("AS", OrderKind::ChangeSim, TicketState::Running, 1, 9),
        stat("NO", OrderKind::Connect, TicketState::Pending, 1, 0),
    ];
    assert_eq!(stats, wanted);
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    assert_eq!(world.settle(&lease, lost, world.at(9)).await, Settled::Done);
    let stats = world.store.queue_stats().await.unwrap();
    assert!(stats.iter().any(|s| s.state == TicketState::Unknown && s.count == 1), "{stats:?}");
}
