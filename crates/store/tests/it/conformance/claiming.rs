//! Claiming tickets.

use std::collections::BTreeSet;
use std::sync::Arc;

use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::order::OrderKind;
use provisor_domain::store::{ClaimAsk, NewTicket, Settled, Store, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{CustomerNumber, Order, SimState, TicketState};

use super::world::{
    LEASE, LUIGI, MARIO, World, a, ask, completed, connect_of, failure, iccid, service_books,
    stock_sim, worker,
};

pub(crate) async fn a_lease_carries_the_books(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let new = world.connect(0).await;
    let id = world.opened(new.clone()).await;
    let lease = world.claim(10, world.at(1)).await.remove(0);
    assert_eq!((lease.ticket, lease.epoch, lease.attempts_before), (id, 1, 0));
    assert_eq!((lease.kind, lease.order.as_ref()), (OrderKind::Connect, Some(&new.order)));
    assert_eq!((lease.until, lease.raised), (world.at(1 + LEASE), new.raised));
    assert!(!lease.in_doubt);
    let books = service_books(&lease);
    assert_eq!(books.sim, world.sim(0).await);
    assert_eq!((&books.customer, &books.network), (&a(MARIO), &a("AS")));
    assert_eq!((&books.service, &books.new_sim), (&None, &None));
    assert_eq!((&books.number, books.range_exhausted), (&Some(a("07700900000")), false));
    let ticket = world.ticket(id).await;
    assert_eq!((ticket.state, ticket.attempts), (TicketState::Running, 1));
    assert_eq!(ticket.due, lease.until);

    assert_eq!(world.settle(&lease, completed(&lease), world.at(2)).await, Settled::Done);
    let service = world.service(world.ticket(id).await.about.service().unwrap()).await;
    let mut order = world.change(&service, Order::ChangeSim { new_sim: iccid(1) }).await;
    order.subjects.push(world.connect(1).await.subjects.remove(0));
    world.opened(order).await;
    let lease = world.claim(10, world.at(3)).await.remove(0);
    let books = service_books(&lease);
    assert_eq!(books.service, Some(service));
    assert_eq!(books.sim.state, SimState::InUse);
    assert_eq!(books.new_sim, Some(world.sim(1).await));
    assert_eq!(books.number, None);
}

pub(crate) async fn only_what_is_due_is_claimed(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let elsewhere = NewTicket { network: a("NO"), ..world.connect(1).await };
    world.opened(elsewhere).await;
    assert!(world.claim(10, world.start).await.is_empty(), "it is another network's");
    world.opened(world.connect(0).await).await;
    let lease = world.claim(10, world.start).await.remove(0);
    let due = world.at(60);
    let failure = failure(FailureKind::Transient);
    let later = Verdict::Postponed { due, failure, counts: true, in_doubt: false };
    assert_eq!(world.settle(&lease, later, world.at(1)).await, Settled::Done);
    assert!(world.claim(10, world.at(59)).await.is_empty());
    assert_eq!(world.claim(10, world.at(60)).await.len(), 1);
    let other = ClaimAsk { network: a("NO"), ..ask(10, world.start) };
    assert_eq!(world.claim_as(&other).await.leases.len(), 1);
}

async fn open_many(world: &World, customer: &str, numbers: std::ops::Range<usize>) {
    let tickets: Vec<_> =
        numbers.map(|n| connect_of(&stock_sim(n, customer), world.start)).collect();
    for batch in tickets.chunks(TICKETS_PER_BATCH_MAX) {
        world.store.ticket_open(batch.to_vec()).await.unwrap();
    }
}

pub(crate) async fn one_ticket_is_not_held_up_by_ten_thousand(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.import_sims(MARIO, 0..10_000).await;
    open_many(&world, MARIO, 0..10_000).await;
    world.add_sims(vec![stock_sim(10_000, LUIGI)]).await;
    open_many(&world, LUIGI, 10_000..10_001).await;
    let leases = world.claim(100, world.start).await;
    assert_eq!(leases.len(), 100);
    let luigis = leases.iter().filter(|lease| service_books(lease).customer == a(LUIGI)).count();
    assert_eq!(luigis, 1, "what one leaves over goes to the other");
}

pub(crate) async fn customers_take_turns(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    world.add_sims((3..6).map(|n| stock_sim(n, LUIGI)).collect()).await;
    open_many(&world, MARIO, 0..3).await;
    open_many(&world, LUIGI, 3..6).await;
    let mut served = Vec::new();
    let mut next = ask(1, world.start);
    for _ in 0..6 {
        let claimed = world.claim_as(&next).await;
        served.push(service_books(&claimed.leases[0]).customer.clone());
        assert_eq!(claimed.last, served.last().cloned());
        assert!(claimed.more);
        next.after = claimed.last;
    }
    assert_eq!(
        served,
        [MARIO, LUIGI].repeat(3).into_iter().map(a).collect::<Vec<CustomerNumber>>()
    );
    let nothing = world.claim_as(&next).await;
    assert!(nothing.leases.is_empty() && !nothing.more);
    assert_eq!(nothing.last, next.after);
}

pub(crate) async fn no_more_is_claimed_than_asked(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 10).await;
    world.add_sims((10..20).map(|n| stock_sim(n, LUIGI)).collect()).await;
    open_many(&world, MARIO, 0..10).await;
    open_many(&world, LUIGI, 10..20).await;
    let mut claimed = Vec::new();
    for (take, more) in [(7, true), (8, true), (6, false)] {
        let round = world.claim_as(&ask(take, world.start)).await;
        assert_eq!((round.leases.len(), round.more), (take.min(20 - claimed.len()), more));
        claimed.extend(round.leases.iter().map(|lease| lease.ticket));
    }
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 20);
}

pub(crate) async fn a_lease_that_ran_out_is_claimed_again(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let id = world.opened(world.connect(0).await).await;
    let old = world.claim(1, world.start).await.remove(0);
    assert!(world.claim(1, world.at(LEASE - 1)).await.is_empty(), "the lease still holds");
    let again = ClaimAsk { worker: worker(2), ..ask(1, world.at(LEASE)) };
    let new = world.claim_as(&again).await.leases.remove(0);
    assert_eq!((new.ticket, new.epoch), (id, old.epoch + 1));
    assert!(new.in_doubt, "who knows what the first one sent");
    assert_eq!(new.attempts_before, 0);
    assert_eq!(world.settle(&old, completed(&old), world.at(LEASE)).await, Settled::LeaseLost);
    assert_eq!(world.sim(0).await.state, SimState::Stock, "the late one wrote nothing");
    assert_eq!(world.settle(&new, completed(&new), world.at(LEASE)).await, Settled::Done);
}

pub(crate) async fn nobody_gets_what_somebody_has(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.import_sims(MARIO, 0..200).await;
    open_many(&world, MARIO, 0..200).await;
    let claim = |number: u128| {
        let world = world.clone();
        let ask = ClaimAsk { worker: worker(number), ..ask(40, world.start) };
        tokio::spawn(async move { world.claim_as(&ask).await.leases })
    };
    let tasks: Vec<_> = (0..8).map(claim).collect();
    let mut tickets = Vec::new();
    for task in tasks {
        tickets.extend(task.await.unwrap().iter().map(|lease| lease.ticket));
    }
    assert_eq!(tickets.len(), 200);
    assert_eq!(tickets.iter().collect::<BTreeSet<_>>().len(), 200);
}

pub(crate) async fn the_dead_are_relieved_at_once(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let mut leases = Vec::new();
    for (number, network) in [(0, "AS"), (1, "AS"), (2, "NO")] {
        world.opened(NewTicket { network: a(network), ..world.connect(number).await }).await;
        let own = worker(if number == 1 { 2 } else { 1 });
        let ask = ClaimAsk { network: a(network), worker: own, ..ask(1, world.start) };
        leases.extend(world.claim_as(&ask).await.leases);
    }
    let rescued = world.store.ticket_rescue(a("AS"), worker(2), world.at(1)).await.unwrap();
    assert_eq!(rescued, 1);
    let states = [0, 1, 2].map(|n: usize| leases[n].ticket);
    let [dead, own, elsewhere] = states;
    assert_eq!(world.ticket(dead).await.state, TicketState::Pending);
    assert_eq!(world.ticket(own).await.state, TicketState::Running);
    assert_eq!(world.ticket(elsewhere).await.state, TicketState::Running);
    let late = world.settle(&leases[0], completed(&leases[0]), world.at(1)).await;
    assert_eq!(late, Settled::LeaseLost);
    let again = world.claim(1, world.at(1)).await.remove(0);
    assert_eq!((again.ticket, again.epoch, again.in_doubt), (dead, 2, true));
}
