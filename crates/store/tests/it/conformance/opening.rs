//! Opening tickets.

use std::collections::BTreeSet;
use std::sync::Arc;

use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::store::{Idempotency, NewTicket, Opened, Store, StoreError, SubjectClaim};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::{Order, TicketId, TicketState, UserId};

use super::world::{MARIO, World, a, all_tickets, iccid, import_row, origin, stock_sim};

pub(crate) async fn an_opened_ticket_is_there(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let new = world.connect(0).await;
    let id = world.opened(new.clone()).await;
    assert_eq!(id, TicketId::FIRST);
    let shown = world.store.ticket_show(id).await.unwrap().unwrap();
    assert_eq!(shown.order, Some(new.order));
    assert!(shown.attempts.is_empty());
    let ticket = shown.ticket;
    assert_eq!(ticket.state, TicketState::Pending);
    assert_eq!((&ticket.customer, &ticket.network), (&new.customer, &new.network));
    assert_eq!((&ticket.about, ticket.attempts), (&new.about, 0));
    assert_eq!((ticket.raised, ticket.due), (new.raised, new.raised));
    assert_eq!((ticket.finished, ticket.failure.clone()), (None, None));
    assert_eq!(ticket.raised_by, Some("user:MarioG".to_owned()));
    assert_eq!(world.store.ticket_list(all_tickets()).await.unwrap(), [ticket]);
}

/// Opens all of them at once, each by a task of its own.
pub(crate) async fn open_at_once(world: &World, tickets: Vec<NewTicket>) -> Vec<Opened> {
    let open = |ticket| {
        let world = world.clone();
        tokio::spawn(async move { world.open(ticket).await })
    };
    let tasks: Vec<_> = tickets.into_iter().map(open).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

pub(crate) async fn of_64_orders_for_one_sim_one_opens(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let answers = open_at_once(&world, vec![world.connect(0).await; 64]).await;
    let opened = answers.iter().filter(|a| **a == Opened::Ticket(TicketId::FIRST)).count();
    let busy = answers.iter().filter(|a| **a == Opened::Busy(TicketId::FIRST)).count();
    assert_eq!((opened, busy), (1, 63), "{answers:?}");
    assert_eq!(world.store.ticket_list(all_tickets()).await.unwrap().len(), 1);
}

fn key(name: &str, fingerprint: u8, user: UserId) -> Idempotency {
    let fingerprint = [fingerprint; 32];
    Idempotency { key: name.to_owned(), method: "connectService", fingerprint, user }
}

pub(crate) async fn what_is_refused_writes_nothing_and_uses_no_number(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let user = world.scope("MarioG").await.user;
    let first = NewTicket { idempotency: Some(key("k", 1, user)), ..world.connect(0).await };
    let id = world.opened(first.clone()).await;

    let busy = NewTicket { idempotency: Some(key("other", 1, user)), ..first.clone() };
    assert_eq!(world.open(busy).await, Opened::Busy(id));
    let mut stale =
        NewTicket { idempotency: Some(key("other", 1, user)), ..world.connect(1).await };
    stale.subjects[0].version += 1;
    assert_eq!(world.open(stale).await, Opened::Stale);
    let reused = NewTicket { idempotency: Some(key("k", 2, user)), ..world.connect(2).await };
    assert_eq!(world.open(reused).await, Opened::KeyReused);
    assert_eq!(world.open(first).await, Opened::Replayed(id));

    assert_eq!(world.store.ticket_list(all_tickets()).await.unwrap().len(), 1);
    // The refused ones left neither their key nor a lock behind, and took no number.
    let next = NewTicket { idempotency: Some(key("other", 3, user)), ..world.connect(1).await };
    assert_eq!(world.opened(next).await.number(), id.number() + 1);
}

pub(crate) async fn a_decision_on_an_old_version_is_stale(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let decided = world.connect(0).await;
    let service = world.connected(0).await;
    assert_eq!(world.open(decided).await, Opened::Stale);
    let rename = Order::Rename { name: a("Mario") };
    let twice = world.change(&service, rename).await;
    world.done(twice.clone(), world.start).await;
    assert_eq!(world.open(twice).await, Opened::Stale, "the service changed, its SIM did not");

    let unknown = NewTicket {
        about: About::Service { iccid: iccid(77), service: None, cli: None },
        subjects: vec![SubjectClaim { subject: Subject::Sim(iccid(77)), version: 1 }],
        ..world.change(&service, Order::Disconnect).await
    };
    assert_eq!(world.open(unknown.clone()).await, Opened::Stale, "a SIM that does not exist");
    let import = world.store.sim_import_begin("f".to_owned(), origin(), world.start).await.unwrap();
    world.store.sim_import_rows(import, vec![import_row(77, MARIO)]).await.unwrap();
    assert_eq!(world.open(unknown).await, Opened::Stale, "a SIM that has not landed");
}

pub(crate) async fn a_sim_change_locks_both_sims(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let service = world.connected(0).await;
    let move_to = async |number: usize| {
        let new_sim = world.sim(number).await;
        let order = Order::ChangeSim { new_sim: new_sim.iccid.clone() };
        let mut ticket = world.change(&service, order).await;
        let subject = Subject::Sim(new_sim.iccid);
        ticket.subjects.push(SubjectClaim { subject, version: new_sim.version });
        ticket
    };
    let held = world.opened(world.connect(1).await).await;
    assert_eq!(world.open(move_to(1).await).await, Opened::Busy(held));
    // The first subject was free and must be so still.
    let moving = world.opened(move_to(2).await).await;
    assert_eq!(world.open(world.connect(2).await).await, Opened::Busy(moving));
    let disconnect = world.change(&service, Order::Disconnect).await;
    assert_eq!(world.open(disconnect).await, Opened::Busy(moving));
    world.carry_out(world.start).await;
    let moved = world.service(service.code).await;
    assert_eq!(moved.iccid, iccid(2));
    world.opened(world.change(&moved, Order::Disconnect).await).await;
}

pub(crate) async fn a_key_replays_its_ticket(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 4).await;
    let (mario, luigi) = (world.scope("MarioG").await.user, world.scope("LuigiG").await.user);
    let first = NewTicket { idempotency: Some(key("k", 1, mario)), ..world.connect(0).await };
    let id = world.opened(first.clone()).await;
    assert_eq!(world.open(first.clone()).await, Opened::Replayed(id));
    world.carry_out(world.start).await;
    assert_eq!(world.open(first.clone()).await, Opened::Replayed(id), "also once it is done");
    let other_request =
        NewTicket { idempotency: Some(key("k", 2, mario)), ..world.connect(1).await };
    assert_eq!(world.open(other_request).await, Opened::KeyReused);

    let other_user = NewTicket { idempotency: Some(key("k", 2, luigi)), ..world.connect(1).await };
    world.opened(other_user).await;
    let mut other_method =
        NewTicket { idempotency: Some(key("k", 2, mario)), ..world.connect(2).await };
    other_method.idempotency.as_mut().unwrap().method = "addBar";
    world.opened(other_method).await;
}

pub(crate) async fn a_key_is_forgotten_after_a_day(store: Arc<dyn Store>) {
    const DAY: i64 = 24 * 3600;
    let world = World::with_sims(store, 2).await;
    let user = world.scope("MarioG").await.user;
    let first = NewTicket { idempotency: Some(key("k", 1, user)), ..world.connect(0).await };
    let id = world.opened(first.clone()).await;
    let at = |raised| NewTicket { raised, ..first.clone() };
    assert_eq!(world.open(at(world.at(DAY - 1))).await, Opened::Replayed(id));
    let other = NewTicket { idempotency: Some(key("k", 2, user)), ..world.connect(1).await };
    let other = NewTicket { raised: world.at(DAY), ..other };
    let next = world.opened(other.clone()).await;
    assert_eq!(world.open(other).await, Opened::Replayed(next));
}

pub(crate) async fn a_key_sent_by_many_at_once_opens_one_ticket(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let user = world.scope("MarioG").await.user;
    let ticket = NewTicket { idempotency: Some(key("k", 1, user)), ..world.connect(0).await };
    let answers = open_at_once(&world, vec![ticket; 32]).await;
    let opened = answers.iter().filter(|a| **a == Opened::Ticket(TicketId::FIRST)).count();
    let replayed = answers.iter().filter(|a| **a == Opened::Replayed(TicketId::FIRST)).count();
    assert_eq!((opened, replayed), (1, 31), "{answers:?}");
}

pub(crate) async fn orders_of_one_call_stand_on_their_own(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let mut stale = world.connect(1).await;
    stale.subjects[0].version = 99;
    let (zero, two) = (world.connect(0).await, world.connect(2).await);
    let tickets = vec![zero.clone(), stale, zero, two];
    let answers = world.store.ticket_open(tickets).await.unwrap();
    let first = TicketId::FIRST;
    // Whether one that is refused has cost a number, is each database's own affair.
    let Some(Opened::Ticket(second)) = answers.last().copied() else { panic!("{answers:?}") };
    assert!(second > first);
    let wanted =
        [Opened::Ticket(first), Opened::Stale, Opened::Busy(first), Opened::Ticket(second)];
    assert_eq!(answers, wanted);
}

pub(crate) async fn a_call_takes_no_more_than_a_batch(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.import_sims(MARIO, 0..TICKETS_PER_BATCH_MAX + 1).await;
    let mut tickets: Vec<NewTicket> = (0..=TICKETS_PER_BATCH_MAX)
        .map(|n| super::world::connect_of(&stock_sim(n, MARIO), world.start))
        .collect();
    let refused = world.store.ticket_open(tickets.clone()).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    tickets.pop();
    let answers = world.store.ticket_open(tickets).await.unwrap();
    let ids: BTreeSet<i64> = answers
        .iter()
        .map(|answer| match answer {
            Opened::Ticket(id) => id.number(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), TICKETS_PER_BATCH_MAX);
    let last = TicketId::FIRST.number() + i64::try_from(TICKETS_PER_BATCH_MAX).unwrap() - 1;
    assert_eq!(ids.last(), Some(&last));
}
