//! Several nodes on one database.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use provisor_domain::catalogue::Catalogue;
use provisor_domain::clock::{Clock as _, SystemClock};
use provisor_domain::portal::PortalId;
use provisor_domain::store::{
    ClaimAsk, Idempotency, NewTicket, Opened, Settled, StoreError, Verdict,
};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{SimRecord, SimState, TicketId};

use super::*;
use crate::conformance::all_tickets;
use crate::conformance::portal_world::first_enable;
use crate::conformance::world::{
    LUIGI, MARIO, World, a, ask, completed, connect_of, failure, iccid, origin, own_number,
    planned, settlement, stock_sim, worker,
};

/// The small world with SIMs, as several nodes see it.
async fn nodes(count: usize, sims: usize, clock: LeaseClock) -> (Vec<World>, Database) {
    let database = Database::new();
    let options = Options { clock, ..OPTIONS };
    let store = || -> Arc<dyn Store> { Arc::new(open(&database.url, options).unwrap()) };
    let first = World::with_sims(store(), sims).await;
    let mut nodes = vec![first.clone()];
    nodes.extend((1..count).map(|_| World { store: store(), start: first.start }));
    (nodes, database)
}

/// Opens all of them at once, each on the node it is given to.
async fn open_at_once(tickets: Vec<(World, NewTicket)>) -> Vec<Opened> {
    let open =
        |(world, ticket): (World, NewTicket)| tokio::spawn(async move { world.open(ticket).await });
    let tasks: Vec<_> = tickets.into_iter().map(open).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

fn opened(answers: &[Opened]) -> Vec<TicketId> {
    let id = |answer: &Opened| match answer {
        Opened::Ticket(id) => Some(*id),
        _ => None,
    };
    answers.iter().filter_map(id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_orders_for_one_sim_one_opens_whoever_is_asked() {
    const SIMS: usize = 16;
    let (nodes, _database) = nodes(3, SIMS, LeaseClock::Caller).await;
    let mut tickets = Vec::new();
    for round in 0..12 {
        for sim in 0..SIMS {
            // Each node meets the SIMs in an order of its own.
            let node = &nodes[round % nodes.len()];
            let sim = if round % 2 == 0 { sim } else { SIMS - 1 - sim };
            tickets.push((node.clone(), node.connect(sim).await));
        }
    }
    let answers = open_at_once(tickets).await;
    let ids: BTreeSet<TicketId> = opened(&answers).into_iter().collect();
    assert_eq!(ids.len(), SIMS, "{answers:?}");
    let busy = |answer: &&Opened| matches!(answer, Opened::Busy(id) if ids.contains(id));
    assert_eq!(answers.iter().filter(busy).count(), 11 * SIMS, "{answers:?}");
    assert_eq!(nodes[0].store.ticket_list(all_tickets()).await.unwrap().len(), SIMS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_one_ticket_whoever_is_asked() {
    const KEYS: usize = 24;
    let (nodes, _database) = nodes(3, 3 * KEYS, LeaseClock::Caller).await;
    let user = nodes[0].scope("MarioG").await.user;
    let mut tickets = Vec::new();
    for key in 0..KEYS {
        for (at, node) in nodes.iter().enumerate() {
            // The same key for three SIMs that are free: only the key decides.
            let key = format!("k{key}");
            let fingerprint = [7; 32];
            let key = Idempotency { key, method: "connectService", fingerprint, user };
            let ticket = node.connect(3 * (tickets.len() / 3) + at).await;
            tickets.push((node.clone(), NewTicket { idempotency: Some(key), ..ticket }));
        }
    }
    let answers = open_at_once(tickets).await;
    for of_one_key in answers.chunks(3) {
        let [id] = opened(of_one_key)[..] else { panic!("{of_one_key:?}") };
        let replayed = of_one_key.iter().filter(|answer| **answer == Opened::Replayed(id)).count();
        assert_eq!(replayed, 2, "{of_one_key:?}");
    }
    assert_eq!(nodes[0].store.ticket_list(all_tickets()).await.unwrap().len(), KEYS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_numbered_without_gaps_whoever_is_asked() {
    const CUSTOMERS: usize = 40;
    let (nodes, _database) = nodes(2, 0, LeaseClock::Caller).await;
    let mut tickets = Vec::new();
    for number in 0..CUSTOMERS {
        for node in &nodes {
            // Both nodes want every customer: one of them loses, and has taken no number.
            let id: PortalId = a(&format!("kommitt/c{number}"));
            tickets.push((node.clone(), first_enable(&id, node.start)));
        }
    }
    let ids = opened(&open_at_once(tickets).await);
    let mut sequences = BTreeSet::new();
    for id in ids {
        sequences.insert(nodes[0].request(id).await.unwrap().sequence);
    }
    assert_eq!(sequences, (1..=CUSTOMERS as u64).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_all_nodes_share_the_tickets() {
    const TICKETS: usize = 120;
    let (nodes, _database) = nodes(3, 0, LeaseClock::Caller).await;
    let world = &nodes[0];
    let sim = |n| own_number(stock_sim(n, MARIO), &format!("0771800{n:04}"));
    world.add_sims((0..TICKETS).map(sim).collect()).await;
    let tickets: Vec<_> = (0..TICKETS).map(|n| connect_of(&sim(n), world.start)).collect();
    world.store.ticket_open(tickets).await.unwrap();
    let work = |(number, node): (usize, World)| {
        tokio::spawn(async move {
            let (mut done, mut connected) = (Vec::new(), 0);
            loop {
                let ask = ClaimAsk { worker: worker(number as u128), ..ask(7, node.start) };
                let claimed = node.claim_as(&ask).await;
                let settlements: Vec<_> = claimed
                    .leases
                    .iter()
                    .map(|lease| {
                        // Every third one fails; the others are services of one contract, which counts them.
                        let fails = lease.ticket.number() % 3 == 0;
                        connected += u64::from(!fails);
                        let why = failure(FailureKind::Permanent);
                        let verdict = if fails { Verdict::Failed(why) } else { completed(lease) };
                        settlement(lease, verdict, node.start)
                    })
                    .collect();
                let count = settlements.len();
                let settled = node.store.ticket_settle(settlements, node.start).await.unwrap();
                assert_eq!(settled, vec![Settled::Done; count]);
                done.extend(claimed.leases.iter().map(|lease| lease.ticket));
                if claimed.leases.is_empty() && !claimed.more {
                    return (done, connected);
                }
            }
        })
    };
    let workers: Vec<_> = nodes.iter().cycle().take(6).cloned().enumerate().map(work).collect();
    let (mut done, mut connected) = (Vec::new(), 0);
    for worker in workers {
        let (tickets, services) = worker.await.unwrap();
        done.extend(tickets);
        connected += services;
    }
    assert_eq!(done.len(), TICKETS, "each ticket was claimed once");
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), TICKETS);
    let scope = world.scope("MarioG").await;
    let contracts = world.store.contract_list(scope, a(MARIO)).await.unwrap();
    assert_eq!(contracts.iter().map(|one| one.active_services).sum::<u64>(), connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_never_works_against_a_ticket() {
    const SIMS: usize = 30;
    let (nodes, _database) = nodes(2, SIMS, LeaseClock::Caller).await;
    let (mut opened, mut moved) = (0, 0);
    for sim in 0..SIMS {
        let (one, other) = (nodes[0].clone(), nodes[1].clone());
        let ticket = one.connect(sim).await;
        let before = other.sim(sim).await;
        let to_luigi = SimRecord { customer: a(LUIGI), ..before.clone() };
        let catalogue = Catalogue { sims: vec![to_luigi], ..Catalogue::default() };
        let opening = tokio::spawn(async move { one.open(ticket).await });
        let moving = tokio::spawn(async move {
            other.store.catalogue_write(catalogue, origin(), other.start).await
        });
        let (opening, moving) = (opening.await.unwrap(), moving.await.unwrap());
        match (&opening, &moving) {
            (Opened::Ticket(_), Err(StoreError::Conflict(_))) => opened += 1,
            (Opened::Stale, Ok(())) => moved += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(opened + moved, SIMS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_go_by_the_clock_of_the_database() {
    let (mut nodes, _database) = nodes(2, 2, LeaseClock::Database).await;
    let year = SignedDuration::from_hours(365 * 24);
    // One node's clock is a year behind, the other's a year ahead.
    nodes[0].start = nodes[0].start.checked_sub(year).unwrap();
    nodes[1].start = nodes[1].start.checked_add(year).unwrap();
    let (behind, ahead) = (&nodes[0], &nodes[1]);
    let mut connect = connect_of(&behind.sim(0).await, ahead.start);
    connect.raised = ahead.start;
    let id = ahead.opened(connect).await;
    let lease = behind.claim(1, behind.start).await.remove(0);
    assert_eq!(lease.ticket, id, "it is due at once, whatever its node's clock says");
    assert_eq!(lease.until, behind.at(15), "its end by the clock of who asked");
    assert!(ahead.claim(1, ahead.start).await.is_empty(), "the lease still holds");
    let postponed = |by: &World, millis| Verdict::Postponed {
        due: by.start.checked_add(SignedDuration::from_millis(millis)).unwrap(),
        failure: failure(FailureKind::Transient),
        counts: true,
        in_doubt: false,
    };
    let settled = behind.settle(&lease, postponed(behind, 3_600_000), behind.start).await;
    assert_eq!(settled, Settled::Done);
    assert!(ahead.claim(1, ahead.start).await.is_empty(), "not before an hour has passed");
    let due = ahead.ticket(id).await.due;
    let hour = due.duration_since(SystemClock.now());
    assert!((hour.as_secs() - 3_600).abs() < 60, "{due}");
    ahead.store.ticket_retry(id, origin(), ahead.start).await.unwrap();
    let again = ClaimAsk { lease: Duration::from_millis(1), ..ask(1, ahead.start) };
    let short = ahead.claim_as(&again).await.leases.remove(0);
    // That one runs out by itself.
    let lease = loop {
        if let Some(lease) = behind.claim(1, behind.start).await.pop() {
            break lease;
        }
    };
    assert_eq!((lease.ticket, lease.epoch, lease.in_doubt), (id, short.epoch + 1, true));
    assert_eq!(ahead.settle(&short, completed(&short), ahead.start).await, Settled::LeaseLost);
    assert_eq!(behind.settle(&lease, completed(&lease), behind.start).await, Settled::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_that_another_one_opened_tickets_and_not_its_own() {
    let (nodes, _database) = nodes(2, 2, LeaseClock::Caller).await;
    let [here, there] = &nodes[..] else { panic!("two nodes") };
    let heard = tokio::spawn({
        let there = there.clone();
        async move { there.store.ticket_due().await }
    });
    // A hint is lost while nobody listens yet: it is given again and again.
    let mut own = here.store.ticket_due();
    while !heard.is_finished() {
        for sim in 0..2 {
            let opened = here.open(here.connect(sim).await).await;
            let Opened::Ticket(id) = opened else { panic!("{opened:?}") };
            here.store.ticket_cancel(id, "a test".into(), origin(), here.start).await.unwrap();
            let own = tokio::time::timeout(Duration::from_millis(20), &mut own).await;
            assert!(own.is_err(), "{own:?}");
        }
    }
    assert_eq!(heard.await.unwrap(), a("AS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_somebody_else_has_taken_harms_no_settlement() {
    let database = Database::new();
    // One connection settles: it keeps the codes that it has not used.
    let store = open(&database.url, Options { writers: 1, ..OPTIONS }).unwrap();
    let world = World::with_sims(Arc::new(store), 4).await;
    let code = world.connected(3).await.code.number();
    // One is refused, and the code that was taken for it is kept for the next one.
    world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let mut change = planned(&lease);
    change.sims.push((iccid(77), SimState::InUse));
    let refused = world.settle(&lease, Verdict::Completed(Box::new(change)), world.start).await;
    assert!(matches!(refused, Settled::Refused(_)), "{refused:?}");
    // Somebody takes over a service that has just this code, as the catalogue does.
    database.run(&format!(
        "INSERT INTO provisor.service SELECT {}, name, 'C', NULL, iccid, network, contract, customer, tariff, \
         reporting_group, apns, boltons, bars FROM provisor.service WHERE code = {code}",
        code + 1,
    ));
    let codes = [world.connected(1).await.code.number(), world.connected(2).await.code.number()];
    assert!(codes[0] > code + 1 && codes[1] > codes[0], "{codes:?}");
    // The one that was refused can still be carried out.
    assert_eq!(world.settle(&lease, completed(&lease), world.start).await, Settled::Done);
}
