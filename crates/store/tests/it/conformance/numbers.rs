//! Numbers of a network's range.

use std::sync::Arc;

use provisor_domain::limits::NUMBER_QUARANTINE_DAYS;
use provisor_domain::store::{Settled, Store, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Msisdn, Order, ServiceStatus};

use super::world::{MARIO, World, a, completed, failure, origin, own_number, stock_sim};

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
    assert_eq!(again.books.number, lease.books.number);
}

pub(crate) async fn a_range_runs_out(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 12).await;
    let mut wanted: Vec<_> = (0..10).map(|digit| Some(number(digit))).collect();
    wanted.extend([None, None]);
    assert_eq!(clis(&world, 0..12).await, wanted);
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
        assert_eq!(world.ticket(id).await.cli, None);
    }
    let mut wanted: Vec<_> = (2..10).map(|digit| Some(number(digit))).collect();
    wanted.extend([Some(number(0)), Some(number(1))]);
    assert_eq!(clis(&world, 0..10).await, wanted, "never given ones first, then what came back");
    assert_eq!(world.connected(12).await.cli, None);
}

pub(crate) async fn what_became_a_sims_own_is_not_given_again(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 12).await;
    let id = world.opened(world.connect(0).await).await;
    let lease = world.claim(1, world.start).await.remove(0);
    let failed = Verdict::Failed(failure(FailureKind::Permanent));
    assert_eq!(world.settle(&lease, failed, world.start).await, Settled::Done);
    assert_eq!(world.ticket(id).await.cli, None, "the first number of the range is free again");
    world.add_sims(vec![own_number(stock_sim(12, MARIO), "07700900000")]).await;
    let mut wanted: Vec<_> = (1..10).map(|digit| Some(number(digit))).collect();
    wanted.push(None);
    assert_eq!(clis(&world, 1..11).await, wanted);
    assert_eq!(world.connected(12).await.cli, Some(number(0)));
}

pub(crate) async fn a_number_rests_after_its_service(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 11).await;
    for sim in 0..10 {
        world.connected(sim).await;
    }
    let first = world.connected_before(0).await;
    world.done(world.change(&first, Order::Disconnect).await, world.start).await;
    for (when, wanted) in [
        (world.at(NUMBER_QUARANTINE_DAYS * DAY - 1), None),
        (world.at(NUMBER_QUARANTINE_DAYS * DAY), first.cli.clone()),
    ] {
        world.opened(world.connect(10).await).await;
        let lease = world.claim(1, when).await.remove(0);
        assert_eq!(lease.books.number, wanted);
        assert_eq!(world.settle(&lease, completed(&lease), when).await, Settled::Done);
        let service = world.connected_before(10).await;
        world.done(world.change(&service, Order::Disconnect).await, when).await;
    }
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
