//! Commands that a network accepted, and what it reports about them by itself.

use std::sync::Arc;

use provisor_domain::driver::{Acceptance, Report, Reported};
use provisor_domain::store::{Lease, Settled, Store, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{TicketId, TicketState};

use super::world::{World, completed, failure};

fn done(part: u16) -> Report {
    Report { part, says: Reported::Done }
}

async fn report(world: &World, lease: &Lease, report: Report, second: i64) -> bool {
    let (ticket, epoch) = (lease.ticket, lease.epoch);
    world.store.ticket_report(ticket, epoch, report, world.at(second)).await.unwrap()
}

/// The third want, at `second`.
fn taken(world: &World, second: i64) -> Acceptance {
    Acceptance { since: world.at(second), part: 2 }
}

/// Accepted at `second`, to be looked at 100 seconds later.
fn accepted(world: &World, second: i64) -> Verdict {
    let (accepted, failure) = (taken(world, second), failure(FailureKind::OutcomeUnknown));
    Verdict::Accepted { accepted, due: world.at(second + 100), failure }
}

fn postponed(world: &World, second: i64, counts: bool) -> Verdict {
    let (due, failure) = (world.at(second), failure(FailureKind::Unavailable));
    Verdict::Postponed { due, failure, counts, in_doubt: true }
}

/// A ticket under its first lease.
async fn leased(world: &World) -> (TicketId, Lease) {
    let id = world.opened(world.connect(0).await).await;
    (id, world.claim(1, world.start).await.remove(0))
}

pub(crate) async fn an_accepted_ticket_waits_and_its_report_makes_it_due(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let (id, lease) = leased(&world).await;
    assert_eq!((lease.accepted, &lease.report), (None, &None));
    assert_eq!(world.settle(&lease, accepted(&world, 1), world.at(1)).await, Settled::Done);
    let ticket = world.ticket(id).await;
    assert_eq!((ticket.state, ticket.due), (TicketState::Pending, world.at(101)));
    assert!(world.claim(1, world.at(50)).await.is_empty(), "it waits");

    let refused = Report { part: 1, says: Reported::Refused { reason: "no such profile".into() } };
    assert!(report(&world, &lease, refused.clone(), 51).await);
    let lease = world.claim(1, world.at(52)).await.remove(0);
    assert_eq!((lease.attempts_before, lease.in_doubt), (0, true), "waiting is no attempt");
    assert_eq!((lease.accepted, &lease.report), (Some(taken(&world, 1)), &Some(refused)));

    // The next part is accepted in turn: the old report is done with.
    assert_eq!(world.settle(&lease, accepted(&world, 53), world.at(53)).await, Settled::Done);
    let lease = world.claim(1, world.at(153)).await.remove(0);
    assert_eq!((lease.accepted, &lease.report), (Some(taken(&world, 53)), &None));
    assert_eq!(world.settle(&lease, completed(&lease), world.at(154)).await, Settled::Done);
    assert_eq!(world.ticket(id).await.state, TicketState::Completed);
}

pub(crate) async fn a_report_that_comes_before_the_settlement_is_kept(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let (id, lease) = leased(&world).await;
    assert!(report(&world, &lease, done(0), 1).await);
    assert_eq!(world.ticket(id).await.state, TicketState::Running, "its worker still has it");
    assert_eq!(world.settle(&lease, accepted(&world, 2), world.at(2)).await, Settled::Done);
    let lease = world.claim(1, world.at(2)).await.remove(0);
    assert_eq!((lease.accepted, &lease.report), (Some(taken(&world, 2)), &Some(done(0))));
}

pub(crate) async fn only_the_first_report_of_the_newest_attempt_counts(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let (_, first) = leased(&world).await;
    world.settle(&first, postponed(&world, 10, true), world.at(1)).await;
    let second = world.claim(1, world.at(10)).await.remove(0);
    assert!(!report(&world, &first, done(0), 11).await, "an older attempt");
    let newer = Lease { epoch: second.epoch + 1, ..second.clone() };
    assert!(!report(&world, &newer, done(0), 11).await, "an attempt that was not made");
    let other = Lease { ticket: TicketId::new(999_999).unwrap(), ..second.clone() };
    assert!(!report(&world, &other, done(0), 11).await, "another ticket");

    world.settle(&second, accepted(&world, 12), world.at(12)).await;
    assert!(report(&world, &second, done(0), 13).await);
    let again = Report { part: 0, says: Reported::Later { reason: "busy".into() } };
    assert!(!report(&world, &second, again, 14).await, "a repeated one");
    let third = world.claim(1, world.at(15)).await.remove(0);
    assert_eq!(third.report, Some(done(0)));
    assert!(!report(&world, &second, done(1), 16).await, "the ticket has moved on");
}

pub(crate) async fn what_has_ended_takes_no_report(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let (id, lease) = leased(&world).await;
    world.settle(&lease, completed(&lease), world.at(1)).await;
    let before = world.ticket(id).await;
    assert!(!report(&world, &lease, done(0), 2).await);
    assert_eq!(world.ticket(id).await, before);

    let id = world.opened(world.connect(1).await).await;
    let lease = world.claim(1, world.at(3)).await.remove(0);
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    world.settle(&lease, lost, world.at(4)).await;
    assert!(!report(&world, &lease, done(0), 5).await, "a person decides about it");
    assert_eq!(world.ticket(id).await.state, TicketState::Unknown);
}

pub(crate) async fn an_attempt_that_does_not_count_keeps_the_report(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let (_, lease) = leased(&world).await;
    world.settle(&lease, accepted(&world, 1), world.at(1)).await;
    assert!(report(&world, &lease, done(0), 2).await);
    let lease = world.claim(1, world.at(2)).await.remove(0);
    world.settle(&lease, postponed(&world, 10, false), world.at(3)).await;
    let lease = world.claim(1, world.at(10)).await.remove(0);
    assert_eq!((lease.accepted, &lease.report), (Some(taken(&world, 1)), &Some(done(0))));
    world.settle(&lease, postponed(&world, 20, true), world.at(11)).await;
    let lease = world.claim(1, world.at(20)).await.remove(0);
    assert_eq!((lease.accepted, &lease.report), (None, &None), "it is sent afresh");
}
