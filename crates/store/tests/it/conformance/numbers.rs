//! Numbers of a network's range.

use std::sync::Arc;

use jiff::Timestamp;
use provisor_domain::driver::OnceKey;
use provisor_domain::limits::NUMBER_QUARANTINE_DAYS;
use provisor_domain::plan::plan;
use provisor_domain::store::{ClaimAsk, NewTicket, Settled, Store, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Msisdn, Order, ServiceStatus};

use super::world::{
    MARIO, World, a, ask, catalogue, failure, origin, own_number, service_books, stock_sim,
};

const DAY: i64 = 24 * 3600;

fn number(last_digit: usize) -> Msisdn {
    a(&format!("0770090000{last_digit}"))
}

async fn clis(world: &World, sims: std::ops::Range<usize>) -> Vec<Option<Msisdn>> {
    let mut clis = Vec::new();
    for sim in sims {
        clis.push(world.connected(sim).await.cli);
    }
    clis
}

pub(crate) async fn a_range_is_given_out_in_order(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    world.add_sims(vec![own_number(stock_sim(3, MARIO), "07700900001")]).await;
    let wanted = [0, 2, 3].map(|digit| Some(number(digit)));
    assert_eq!(clis(&world, 0..3).await, wanted, "the second number is a SIM's own");
}

pub(crate) async fn a_reserved_number_is_kept(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let failure = failure(FailureKind::Transient);
    let due = world.at(10);
    let later = Verdict::Postponed { due, failure, counts: true, in_doubt: true };
    assert_eq!(world.settle(&lease, later, world.start).await, Settled::Done);
    assert_eq!(world.connected(1).await.cli, Some(number(1)), "the first one is reserved");
    let again = world.claim(1, due).await.remove(0);
    assert_eq!(service_books(&again).number, service_books(&lease).number);
}

pub(crate) async fn a_range_runs_out(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 12).await;
    let wanted: Vec<_> = (0..10).map(|digit| Some(number(digit))).collect();
    assert_eq!(clis(&world, 0..10).await, wanted);
    // Two that wait for a number, on the network with the used up range; one on a network that has none.
    world.opened(world.connect(10).await).await;
    world.opened(world.connect(11).await).await;
    for lease in world.claim(2, world.start).await {
        let books = service_books(&lease);
        assert_eq!((&books.number, books.range_exhausted), (&None, true));
        let once = OnceKey { ticket: lease.ticket, epoch: lease.epoch };
        let waits = plan(lease.order.as_ref().unwrap(), &lease.books, once).unwrap_err();
        assert_eq!(waits.kind, FailureKind::Unavailable);
        let due = world.at(9);
        let later = Verdict::Postponed { due, failure: waits, counts: false, in_doubt: false };
        assert_eq!(world.settle(&lease, later, world.start).await, Settled::Done);
    }
    world.add_sims(vec![stock_sim(12, MARIO)]).await;
    let elsewhere = NewTicket { network: a("NO"), ..world.connect(12).await };
    world.opened(elsewhere).await;
    let claimed = world.claim_as(&ClaimAsk { network: a("NO"), ..ask(1, world.start) }).await;
    let books = service_books(&claimed.leases[0]);
    assert_eq!((&books.number, books.range_exhausted), (&None, false));
    // The operator enlarges the range by one number: one of the two goes on.
    let mut larger = catalogue();
    larger.networks[0].number_range = Some((number(0), a("07700900010")));
    world.load(larger).await;
    let leases = world.claim(2, world.at(9)).await;
    let got = leases.iter().map(service_books);
    let got: Vec<_> = got.map(|books| (books.number.clone(), books.range_exhausted)).collect();
    assert_eq!(got, [(Some(a("07700900010")), false), (None, true)]);
}

/// Whether a connect of this SIM finds no number; it fails then.
async fn finds_none(world: &World, sim: usize, when: Timestamp) -> bool {
    world.opened(world.connect(sim).await).await;
    let lease = world.claim(1, when).await.remove(0);
    let failed = Verdict::Failed(failure(FailureKind::Unavailable));
    assert_eq!(world.settle(&lease, failed, when).await, Settled::Done);
    let books = service_books(&lease);
    assert_eq!(books.number.is_none(), books.range_exhausted);
    books.range_exhausted
}

pub(crate) async fn what_was_not_used_is_given_again(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 13).await;
    // One that fails, one that is taken back after it was tried.
    for (sim, cancel) in [(10, false), (11, true)] {
        let id = world.opened(world.connect(sim).await).await;
        let lease = world.claim(1, world.start).await.remove(0);
        let failure = failure(FailureKind::Permanent);
        if cancel {
            let due = world.at(5);
            let later = Verdict::Postponed { due, failure, counts: true, in_doubt: false };
            assert_eq!(world.settle(&lease, later, world.start).await, Settled::Done);
            let reason = "not wanted".to_owned();
            world.store.ticket_cancel(id, reason, origin(), world.start).await.unwrap();
        } else {
            let failed = Verdict::Failed(failure);
            assert_eq!(world.settle(&lease, failed, world.start).await, Settled::Done);
        }
        assert_eq!(world.ticket(id).await.about.cli(), None);
    }
    let mut wanted: Vec<_> = (2..10).map(|digit| Some(number(digit))).collect();
    wanted.extend([Some(number(0)), Some(number(1))]);
    assert_eq!(clis(&world, 0..10).await, wanted, "never given ones first, then what came back");
    assert!(finds_none(&world, 12, world.start).await);
}

pub(crate) async fn what_became_a_sims_own_is_not_given_again(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 12).await;
    let id = world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let failed = Verdict::Failed(failure(FailureKind::Permanent));
    assert_eq!(world.settle(&lease, failed, world.start).await, Settled::Done);
    assert_eq!(
        world.ticket(id).await.about.cli(),
        None,
        "the first number of the range is free again"
    );
    world.add_sims(vec![own_number(stock_sim(12, MARIO), "07700900000")]).await;
    let wanted: Vec<_> = (1..10).map(|digit| Some(number(digit))).collect();
    assert_eq!(clis(&world, 1..10).await, wanted);
    assert!(finds_none(&world, 10, world.start).await);
    assert_eq!(world.connected(12).await.cli, Some(number(0)));
}

pub(crate) async fn a_number_rests_after_its_service(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 11).await;
    for sim in 0..10 {
        world.connected(sim).await;
    }
    let first = world.connected_before(0).await;
    world.done(world.change(&first, Order::Disconnect).await, world.start).await;
    assert!(finds_none(&world, 10, world.at(NUMBER_QUARANTINE_DAYS * DAY - 1)).await);
    let over = world.at(NUMBER_QUARANTINE_DAYS * DAY);
    world.done(world.connect(10).await, over).await;
    assert_eq!(world.connected_before(10).await.cli, first.cli);
}

pub(crate) async fn a_sims_own_number_stays_with_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sims = vec![own_number(stock_sim(0, MARIO), "07700900005"), stock_sim(1, MARIO)];
    world.add_sims(sims).await;
    let service = world.connected(0).await;
    assert_eq!(service.cli, Some(number(5)));
    world.done(world.change(&service, Order::Disconnect).await, world.start).await;
    assert_eq!(world.service(service.code).await.status, ServiceStatus::SwitchedOff);
    let again = world.connected(0).await;
    assert_eq!(again.cli, Some(number(5)), "no quarantine for a SIM's own number");
    assert_eq!(world.connected(1).await.cli, Some(number(0)));
}
