//! What is checked at a network, what was found, and the adoption of a restored database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use provisor_domain::drift::DriftKind;
use provisor_domain::driver::NetworkStatus;
use provisor_domain::limits::SLICE_TRIES_MAX;
use provisor_domain::order::OrderKind;
use provisor_domain::plan::wanted;
use provisor_domain::store::{
    Checked, Finding, NewTicket, Opened, PageAsk, Place, Settled, Slice, Standing, Store,
    SubjectClaim, SweepAsk, Swept, Verdict, Walk,
};
use provisor_domain::ticket::{FailureKind, Subject};
use provisor_domain::{Iccid, Order, SimRecord, SimState, TicketState};

use super::world::{MARIO, World, a, failure, iccid, origin, own_number, service_books, stock_sim};

const LEASE: Duration = Duration::from_mins(1);
const PERIOD: Duration = Duration::from_hours(24);

pub(crate) fn sweep(walk: Walk, take: usize, now: Timestamp) -> SweepAsk {
    SweepAsk {
        network: a("AS"),
        walk,
        take,
        pause: Duration::from_secs(2),
        idle: Duration::from_secs(10),
        period: PERIOD,
        age: Duration::from_mins(5),
        age_max: Duration::from_hours(1),
        lease: LEASE,
        now,
    }
}

fn sims(standings: &[Standing]) -> Vec<Iccid> {
    standings.iter().map(|standing| standing.sim.iccid.clone()).collect()
}

async fn swept(world: &World, ask: SweepAsk) -> Slice {
    match world.store.sweep_claim(ask).await.unwrap() {
        Swept::Slice(slice) => slice,
        Swept::Nothing { until } => panic!("nothing before {until}"),
    }
}

/// Claims where nothing is to be had; answers until when not, in seconds after the test's beginning.
async fn nothing(world: &World, ask: SweepAsk) -> i64 {
    match world.store.sweep_claim(ask).await.unwrap() {
        Swept::Nothing { until } => until.duration_since(world.start).as_secs(),
        Swept::Slice(slice) => panic!("{slice:?}"),
    }
}

/// The first walk through live services is not begun at once: from the test's beginning on it is due.
async fn begun(world: &World) {
    assert_eq!(nothing(world, sweep(Walk::Live, 9, world.at(-300))).await, 0);
}

async fn settle(world: &World, slice: &Slice, checked: Vec<Checked>, seconds: i64) -> usize {
    let now = world.at(seconds);
    world.store.sweep_settle(a("AS"), slice.id, checked, now).await.unwrap().len()
}

fn differs(standing: &Standing, kind: DriftKind) -> Checked {
    let what = "it is not there".to_owned();
    let finding = Finding::Differs { kind, found: NetworkStatus::Absent, what };
    Checked { iccid: standing.sim.iccid.clone(), version: standing.sim.version, finding }
}

fn as_wanted(standing: &Standing) -> Checked {
    Checked { finding: Finding::AsWanted, ..differs(standing, DriftKind::Own) }
}

pub(crate) async fn live_services_are_handed_out_once_a_period(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 6).await;
    begun(&world).await;
    assert_eq!(nothing(&world, sweep(Walk::Live, 2, world.start)).await, 10);
    for number in 0..5 {
        world.connected(number).await;
    }
    let over = world.connected_before(4).await;
    world.done(world.change(&over, Order::Disconnect).await, world.start).await;
    assert_eq!(world.store.sweep_size(a("AS")).await.unwrap(), 4);
    assert_eq!(world.store.sweep_size(a("NO")).await.unwrap(), 0);
    let first = swept(&world, sweep(Walk::Live, 3, world.at(10))).await;
    assert_eq!(sims(&first.standings), [iccid(0), iccid(1), iccid(2)]);
    let standing = &first.standings[0];
    assert_eq!(standing.service, Some(world.connected_before(0).await));
    assert_eq!((&standing.sim, standing.open_ticket), (&world.sim(0).await, None));
    // It rests for what it handed out, so that several nodes share one pace.
    assert_eq!(nothing(&world, sweep(Walk::Live, 3, world.at(15))).await, 16);
    let open = world.opened(world.change(&world.connected_before(3).await, bar()).await).await;
    let second = swept(&world, sweep(Walk::Live, 3, world.at(16))).await;
    assert_eq!(sims(&second.standings), [iccid(3)]);
    assert_eq!(second.standings[0].open_ticket, Some(open));
    for slice in [first, second] {
        settle(&world, &slice, vec![], 17).await;
    }
    let day = i64::try_from(PERIOD.as_secs()).unwrap();
    assert_eq!(nothing(&world, sweep(Walk::Live, 3, world.at(18))).await, 10 + day);
    let again = swept(&world, sweep(Walk::Live, 9, world.at(10 + day))).await;
    assert_eq!(again.standings.len(), 4);
}

fn bar() -> Order {
    Order::AddBar {
        bar: provisor_domain::service::AppliedBar { code: a("AS_SUS_MSISDN"), suspends: true },
    }
}

pub(crate) async fn a_slice_that_was_left_behind_is_handed_out_again(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    for number in 0..3 {
        world.connected(number).await;
    }
    begun(&world).await;
    let lost = swept(&world, sweep(Walk::Live, 2, world.start)).await;
    let other = swept(&world, sweep(Walk::Live, 2, world.at(59))).await;
    assert_eq!(sims(&other.standings), [iccid(2)]);
    settle(&world, &other, vec![], 59).await;
    // Whatever walk is asked for, and also when the walk itself rests. It comes with the books of now.
    let fourth = world.connected_before(0).await;
    world.done(world.change(&fourth, bar()).await, world.at(59)).await;
    for at in 1..i64::from(SLICE_TRIES_MAX) {
        let again = swept(&world, sweep(Walk::Soon, 9, world.at(60 * at))).await;
        assert_eq!((again.id, sims(&again.standings)), (lost.id, vec![iccid(0), iccid(1)]));
        assert_eq!(again.standings[0].sim.version, world.sim(0).await.version);
    }
    let seconds = 60 * i64::from(SLICE_TRIES_MAX);
    let day = i64::try_from(PERIOD.as_secs()).unwrap();
    let until = nothing(&world, sweep(Walk::Live, 9, world.at(seconds))).await;
    assert_eq!(until, day, "it is given up at last");
}

pub(crate) async fn slices_of_many_nodes_do_not_overlap(store: Arc<dyn Store>) {
    const SIMS: usize = 40;
    let world = Arc::new(World::new(store).await);
    let sim = |n| own_number(stock_sim(n, MARIO), &format!("0771000{n:04}"));
    world.add_sims((0..SIMS).map(sim).collect()).await;
    for number in 0..SIMS {
        world.connected(number).await;
    }
    begun(&world).await;
    let nodes = (0..8).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let ask = SweepAsk { pause: Duration::ZERO, ..sweep(Walk::Live, 3, world.start) };
            let mut found = Vec::new();
            while let Swept::Slice(slice) = world.store.sweep_claim(ask.clone()).await.unwrap() {
                found.extend(sims(&slice.standings));
                settle(&world, &slice, vec![], 0).await;
            }
            found
        })
    });
    let mut found = Vec::new();
    for node in nodes.collect::<Vec<_>>() {
        found.extend(node.await.unwrap());
    }
    assert_eq!(found.len(), SIMS, "each once");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), SIMS);
}

pub(crate) async fn the_sims_of_a_ticket_are_looked_at_after_its_end(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 4).await;
    let stays = world.connected(0).await;
    let moves = world.connected(1).await;
    let mut change = world.change(&moves, Order::ChangeSim { new_sim: iccid(2) }).await;
    change.subjects.push(world.connect(2).await.subjects.remove(0));
    world.done(change, world.at(1)).await;
    let cancelled = world.opened(world.connect(3).await).await;
    let why = "ordered by mistake".to_owned();
    world.store.ticket_cancel(cancelled, why, origin(), world.at(2)).await.unwrap();
    world.opened(world.change(&stays, bar()).await).await; // it has not ended
    assert_eq!(nothing(&world, sweep(Walk::Soon, 9, world.at(299))).await, 309);
    let first = swept(&world, sweep(Walk::Soon, 2, world.at(309))).await;
    assert_eq!(sims(&first.standings), [iccid(0), iccid(1)]);
    settle(&world, &first, vec![], 309).await;
    let ask = SweepAsk { pause: Duration::ZERO, ..sweep(Walk::Soon, 9, world.at(320)) };
    let second = swept(&world, ask.clone()).await;
    assert_eq!(sims(&second.standings), [iccid(1), iccid(2), iccid(3)]);
    let state = |at: usize| second.standings[at].sim.state;
    assert_eq!(
        [state(0), state(1), state(2)],
        [SimState::Retired, SimState::InUse, SimState::Stock]
    );
    assert_eq!(second.standings[1].service.as_ref().map(|service| service.code), Some(moves.code));
    settle(&world, &second, vec![], 320).await;
    nothing(&world, ask).await;
    // Later only those that the network is not to have: the others are on the walk through live services.
    let late = swept(&world, sweep(Walk::Late, 9, world.at(320))).await;
    assert_eq!(sims(&late.standings), [iccid(1), iccid(3)]);
    settle(&world, &late, vec![], 320).await;
    // A walk that fell behind leaves out what is too old.
    world.connected(3).await;
    nothing(&world, sweep(Walk::Soon, 9, world.at(3_602))).await;
}

pub(crate) async fn a_ticket_can_be_looked_at_again(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let service = world.connected(0).await;
    let ticket = world.opened(world.change(&service, Order::Disconnect).await).await;
    world.store.sweep_again(a("AS"), vec![ticket], world.at(5)).await.unwrap();
    nothing(&world, sweep(Walk::Soon, 9, world.at(4))).await;
    nothing(&world, SweepAsk { network: a("NO"), ..sweep(Walk::Soon, 9, world.at(5)) }).await;
    let again = swept(&world, sweep(Walk::Soon, 9, world.at(5))).await;
    assert_eq!(sims(&again.standings), [iccid(0)]);
    assert_eq!(again.standings[0].open_ticket, Some(ticket));
    settle(&world, &again, vec![], 5).await;
    let other = swept(&world, sweep(Walk::Late, 9, world.at(500))).await;
    assert_ne!(other.id, again.id, "once");
}

pub(crate) async fn what_is_to_be_checked_can_be_read_in_pages(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let codes = [world.connected(0).await.code, world.connected(1).await.code];
    let over = world.connected(2).await;
    world.done(world.change(&over, Order::Disconnect).await, world.at(9)).await;
    let page = async |walk, after, until| {
        let ask = PageAsk { network: a("AS"), walk, after, until: world.at(until), take: 1 };
        let page = world.store.check_page(ask).await.unwrap();
        (sims(&page.standings), page.last)
    };
    let place = |major| Place { major, minor: 0 };
    let first = place(codes[0].number());
    assert_eq!(page(Walk::Live, Place::default(), 0).await, (vec![iccid(0)], Some(first)));
    let second = place(codes[1].number());
    assert_eq!(page(Walk::Live, first, 0).await, (vec![iccid(1)], Some(second)));
    assert_eq!(page(Walk::Live, second, 0).await, (vec![], None));
    let after = place(world.at(1).as_millisecond());
    assert_eq!(page(Walk::Late, after, 8).await, (vec![], None));
    let (found, last) = page(Walk::Late, after, 9).await;
    assert_eq!((found, last.unwrap().major), (vec![iccid(2)], world.at(9).as_millisecond()));
}

pub(crate) async fn drifts_come_and_go(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let service = world.connected(0).await;
    world.connected(1).await;
    begun(&world).await;
    let slice = swept(&world, sweep(Walk::Live, 9, world.start)).await;
    let [first, second] = slice.standings.as_slice() else { panic!("{slice:?}") };
    let found = vec![differs(first, DriftKind::Own), differs(second, DriftKind::Foreign)];
    assert_eq!(settle(&world, &slice, found, 1).await, 2);
    let list =
        async |network: Option<&str>| world.store.drift_list(network.map(a), 9).await.unwrap();
    let drifts = list(None).await;
    let drift = &drifts[0];
    assert_eq!((&drift.iccid, drift.service), (&iccid(0), Some(service.code)));
    assert_eq!((drift.kind, drift.found), (DriftKind::Own, NetworkStatus::Absent));
    assert_eq!((drift.what.as_str(), drift.ticket, drift.repairs), ("it is not there", None, 0));
    assert_eq!(
        (drift.since, drift.seen, &drift.customer),
        (world.at(1), world.at(1), &service.customer)
    );
    assert_eq!(
        (drifts.len(), list(Some("AS")).await.len(), list(Some("NO")).await.len()),
        (2, 2, 0)
    );
    let counts: Vec<_> = world.store.drift_stats().await.unwrap();
    let counts: Vec<_> = counts.iter().map(|stat| (stat.kind, stat.count)).collect();
    assert_eq!(counts, [(DriftKind::Foreign, 1), (DriftKind::Own, 1)]);
    // Those that are on record are looked at again by themselves.
    nothing(&world, sweep(Walk::Drift, 1, world.at(300))).await;
    let seen = swept(&world, sweep(Walk::Drift, 1, world.at(311))).await;
    assert_eq!((seen.id, seen.standings.len()), (None, 1));
    let other = swept(&world, sweep(Walk::Drift, 1, world.at(314))).await;
    assert_ne!(sims(&seen.standings), sims(&other.standings));
    let both = vec![differs(first, DriftKind::Foreign), as_wanted(second)];
    assert_eq!(settle(&world, &seen, both, 400).await, 1);
    let drifts = list(None).await;
    assert_eq!((drifts.len(), drifts[0].kind), (1, DriftKind::Foreign));
    assert_eq!((drifts[0].since, drifts[0].seen), (world.at(1), world.at(400)));
    let ticket = world.opened(world.change(&service, Order::Reassert).await).await;
    world.store.drift_repaired(a("AS"), iccid(0), ticket).await.unwrap();
    let drifts = list(None).await;
    assert_eq!((drifts[0].ticket, drifts[0].repairs), (Some(ticket), 1));
}

pub(crate) async fn a_difference_counts_only_against_the_books_it_was_found_by(
    store: Arc<dyn Store>,
) {
    let world = World::with_sims(store, 2).await;
    let (moved, held) = (world.connected(0).await, world.connected(1).await);
    begun(&world).await;
    let slice = swept(&world, sweep(Walk::Live, 9, world.start)).await;
    world.done(world.change(&moved, bar()).await, world.at(1)).await;
    let open = world.opened(world.change(&held, Order::Reassert).await).await;
    let differ = |standing| differs(standing, DriftKind::Own);
    let found = slice.standings.iter().map(differ).collect();
    assert_eq!(settle(&world, &slice, found, 2).await, 0);
    assert_eq!(world.store.drift_list(None, 9).await.unwrap(), []);
    world.carry_out(world.at(2)).await;
    assert_eq!(world.ticket(open).await.state, TicketState::Completed);
    // What was found after a restore stays that, whatever a later check makes of it.
    let kinds = [DriftKind::Restored, DriftKind::Own];
    for kind in kinds {
        let version = world.sim(1).await.version;
        let found = Checked { version, ..differs(&slice.standings[1], kind) };
        settle(&world, &slice, vec![found], 3).await;
        assert_eq!(world.store.drift_list(None, 9).await.unwrap()[0].kind, DriftKind::Restored);
    }
    settle(&world, &slice, vec![as_wanted(&slice.standings[1])], 4).await;
    assert_eq!(world.store.drift_list(None, 9).await.unwrap(), []);
}

pub(crate) async fn a_reassertion_changes_no_books(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let service = world.connected(0).await;
    let before = world.sim(0).await;
    let live = world.opened(world.change(&service, Order::Reassert).await).await;
    let spare = NewTicket { order: Order::Reassert, ..world.connect(1).await };
    world.opened(spare).await;
    let leases = world.claim(9, world.start).await;
    for (lease, number) in leases.iter().zip(0..) {
        assert_eq!(lease.kind, OrderKind::Reassert);
        let books = service_books(lease);
        assert_eq!(books.number, None, "it takes no number");
        let want = wanted(&a("AS"), &books.sim, books.service.as_ref());
        assert_eq!(want.iccid, iccid(number));
    }
    for lease in &leases {
        let settled = world.settle(lease, super::world::completed(lease), world.at(1)).await;
        assert_eq!(settled, Settled::Done);
    }
    let after = SimRecord { version: before.version + 1, ..before };
    assert_eq!((world.sim(0).await, world.service(service.code).await), (after, service));
    let ticket = world.ticket(live).await;
    assert_eq!((ticket.state, ticket.kind), (TicketState::Completed, OrderKind::Reassert));
    let subject = Subject::Sim(iccid(0));
    let stale = NewTicket {
        subjects: vec![SubjectClaim { subject, version: world.sim(0).await.version - 1 }],
        ..world.change(&world.connected_before(0).await, Order::Reassert).await
    };
    assert_eq!(world.open(stale).await, Opened::Stale);
}

pub(crate) async fn what_a_sim_was_ordered_is_read_newest_first(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let service = world.connected(0).await;
    world.done(world.change(&service, bar()).await, world.start).await;
    world.opened(world.change(&service, Order::Disconnect).await).await;
    let asked = world.store.sim_asked(iccid(0), 2).await.unwrap();
    let asked: Vec<_> = asked.into_iter().map(|asked| (asked.order, asked.state)).collect();
    let wanted = [(Order::Disconnect, TicketState::Pending), (bar(), TicketState::Completed)];
    assert_eq!(asked, wanted);
    let all = world.store.sim_asked(iccid(0), 9).await.unwrap();
    assert_eq!((all.len(), &all[2].cli), (3, &service.cli));
}

pub(crate) async fn nothing_is_claimed_while_a_restored_database_is_adopted(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 2).await;
    let service = world.connected(0).await;
    let ticket = world.opened(world.connect(1).await).await;
    assert_eq!(world.store.adopt_status().await.unwrap(), None);
    assert!(!world.store.adopt_finish(origin(), world.start).await.unwrap());
    let generation = world.store.books_generation().await.unwrap();
    for first in [true, false] {
        let reason = "restored".to_owned();
        let begun = world.store.adopt_begin(reason, origin(), world.at(1)).await.unwrap();
        assert_eq!(begun, first);
        assert_eq!(world.store.books_generation().await.unwrap(), generation + 1);
    }
    assert!(world.store.stamp().await.unwrap().adopting);
    let status = world.store.adopt_status().await.unwrap().unwrap();
    assert_eq!((status.since, status.read), (world.at(1), None));
    assert!(world.claim(9, world.at(2)).await.is_empty());
    let later = world.opened(world.change(&service, bar()).await).await;
    let open = world.store.open_page(None, 9).await.unwrap();
    let ids: Vec<_> = open.iter().map(|open| open.ticket.id).collect();
    assert_eq!(ids, [ticket, later]);
    assert_eq!(open[1].order, Some(bar()));
    let last = world.store.open_page(Some(ticket), 9).await.unwrap();
    assert_eq!((last.len(), last[0].ticket.id), (1, later));
    world.store.adopt_read(world.at(3)).await.unwrap();
    let read = world.store.adopt_status().await.unwrap().unwrap().read;
    assert_eq!(read, Some(world.at(3)));
    assert!(world.store.adopt_finish(origin(), world.at(4)).await.unwrap());
    assert!(!world.store.stamp().await.unwrap().adopting);
    assert_eq!(world.claim(9, world.at(4)).await.len(), 2);
    // The next one begins unread.
    let reason = "restored".to_owned();
    assert!(world.store.adopt_begin(reason, origin(), world.at(5)).await.unwrap());
    assert_eq!(world.store.adopt_status().await.unwrap().unwrap().read, None);
}

pub(crate) async fn open_tickets_come_with_their_books(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 3).await;
    let service = world.connected(0).await;
    let mut change = world.change(&service, Order::ChangeSim { new_sim: iccid(1) }).await;
    change.subjects.push(world.connect(1).await.subjects.remove(0));
    world.opened(change).await;
    let connect = world.opened(world.connect(2).await).await;
    let number = async || {
        let open = world.store.open_page(None, 9).await.unwrap();
        let provisor_domain::plan::Books::Service(books) = open[1].books.clone() else {
            panic!("{open:?}")
        };
        (open[1].ticket.id, books.number)
    };
    assert_eq!(number().await, (connect, None));
    let leases = world.claim(9, world.start).await;
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    for lease in &leases {
        assert_eq!(world.settle(lease, lost.clone(), world.start).await, Settled::Done);
    }
    assert!(number().await.1.is_some(), "it is reserved now");
    let open = world.store.open_page(None, 9).await.unwrap();
    let provisor_domain::plan::Books::Service(books) = &open[0].books else { panic!("{open:?}") };
    assert_eq!(books.new_sim.as_ref().map(|sim| sim.iccid.clone()), Some(iccid(1)));
    assert_eq!(books.service, Some(service));
    assert_eq!(open[0].ticket.state, TicketState::Unknown);
}

pub(crate) async fn the_heartbeat_never_goes_back(store: Arc<dyn Store>) {
    let before = store.stamp().await.unwrap().heartbeat;
    assert_eq!(store.heartbeat(0).await.unwrap(), before + 1);
    assert_eq!(store.heartbeat(before + 50).await.unwrap(), before + 50);
    assert_eq!(store.heartbeat(0).await.unwrap(), before + 51);
    assert_eq!(store.stamp().await.unwrap().heartbeat, before + 51);
}
