//! Networks that drift away from the books, and what is done about it.

use std::sync::Arc;
use std::time::Duration;

use provisor_domain::catalogue::{Catalogue, Network};
use provisor_domain::clock::Clock;
use provisor_domain::drift::{Drift, DriftKind, DriftPolicy};
use provisor_domain::driver::{
    Command, Driver, Element, NetworkStatus, OnceKey, Outcome, Subscription, Want, Wanted,
};
use provisor_domain::limits::REPAIRS_MAX;
use provisor_domain::store::{Operations, Reconcile, TicketDetail, TicketFilter};
use provisor_domain::{Imsi, NetworkCode, OrderKind, SealedKeys, TicketId, TicketState};
use provisor_drivers::simulator::{LoggedCommand, Settings, Simulator, Subscriber};
use provisor_engine::{Checking, Checks, NetworkFactory, Runner, ServiceOrder, Stands};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::rig::{World, by_sim, catalogue, eventually, iccid, network, origin};
use crate::running::{Act, Script};

/// A little more than the time after which a ticket's SIMs are looked at.
const SOON: Duration = Duration::from_mins(6);
/// Nothing that is going well takes so long, however busy the machine.
const LONG: Duration = Duration::from_mins(2);

/// A world at simulated networks that write down what they are sent.
struct Simulated {
    world: World,
    dir: Arc<tempfile::TempDir>,
}

impl Simulated {
    async fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let files = Arc::clone(&dir);
        let factory: NetworkFactory =
            Arc::new(move |network| Ok(Element::Network(Arc::new(simulator(&files, network)))));
        Self { world: World::of(catalogue(), factory).await, dir }
    }

    /// With services in SIMs 1 to `count`, and a runner that has connected them and checks its networks.
    async fn with_services(count: usize) -> (Self, Checked) {
        let simulated = Self::new().await;
        let running = Checked::of(&simulated.world);
        let mario = simulated.world.call("MarioG").await;
        for number in 1..=count {
            simulated.world.connected(&mario, number).await;
        }
        (simulated, running)
    }

    fn subscriber(&self, number: usize) -> Option<Subscriber> {
        let all = Simulator::subscribers(&self.dir.path().join("AS.db")).unwrap();
        all.into_iter().find(|subscriber| subscriber.iccid == iccid(number))
    }

    fn logged(&self) -> Vec<LoggedCommand> {
        Simulator::logged(&self.dir.path().join("AS.db")).unwrap()
    }

    /// Somebody sends the network a command of his own, or an old one of ours.
    async fn plant(&self, number: usize, state: Wanted) {
        let once = OnceKey { ticket: TicketId::FIRST, epoch: 1 };
        let imsi = Some(imsi(number));
        let wants = vec![Want { iccid: iccid(number), imsi, keys: SealedKeys::default(), state }];
        let other = simulator(&self.dir, &network("AS"));
        assert_eq!(other.ensure(&Command { once, wants, fresh: false }).await, Outcome::Done);
    }

    /// The service in SIM 1 is changed.
    async fn done(&self, order: ServiceOrder) {
        let mario = self.world.call("MarioG").await;
        let raised = self.world.engine.change_service(&mario, by_sim(1), order).await;
        self.world.until(raised.unwrap().ticket, &[TicketState::Completed]).await;
    }
}

fn simulator(dir: &tempfile::TempDir, network: &Network) -> Simulator {
    let file = dir.path().join(format!("{}.db", network.code));
    let settings = Settings { log: true, ..Settings::default() };
    Simulator::open(&network.code, &file, settings).unwrap()
}

fn imsi(number: usize) -> Imsi {
    format!("9017{number:011}").parse().unwrap()
}

/// A runner that checks its networks.
struct Checked {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Checked {
    fn of(world: &World) -> Self {
        let stop = watch::Sender::new(false);
        let runner = Runner::new(world.engine.clone(), true).checking(Checks::default());
        let task = tokio::spawn(runner.run(stop.subscribe()));
        Self { stop, task }
    }

    async fn finish(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(LONG, self.task).await.expect("it did not end").unwrap();
    }
}

async fn soon<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    let found = tokio::time::timeout(LONG, eventually(ask)).await;
    found.unwrap_or_else(|_| panic!("{what} did not come about"))
}

/// The tickets that repair something, newest first.
async fn repairs(world: &World) -> Vec<TicketDetail> {
    let filter = TicketFilter { limit: 100, ..TicketFilter::default() };
    let mut found = Vec::new();
    for ticket in world.store.ticket_list(filter).await.unwrap() {
        if ticket.kind == OrderKind::Reassert {
            found.push(world.store.ticket_show(ticket.id).await.unwrap().unwrap());
        }
    }
    found
}

async fn drifts(world: &World) -> Vec<Drift> {
    world.store.drift_list(None, 100).await.unwrap()
}

/// Waits until a repair has completed and answers it.
async fn repaired(world: &World) -> TicketDetail {
    soon("a repair", async || {
        let found = repairs(world).await.pop()?;
        (found.ticket.state == TicketState::Completed).then_some(found)
    })
    .await
}

fn subscription(subscriber: &Subscriber) -> Subscription {
    subscriber.subscription.clone()
}

#[tokio::test]
async fn what_the_network_lost_is_set_again_by_a_ticket() {
    let (simulated, running) = Simulated::with_services(1).await;
    let world = &simulated.world;
    let before = simulated.subscriber(1).unwrap();
    let mario = world.caller("MarioG").await;
    let service = world.engine.service(&mario, by_sim(1)).await.unwrap().service;
    simulated.plant(1, Wanted::Absent).await;
    world.clock.pass(SOON);
    let repair = repaired(world).await;
    assert_eq!(repair.ticket.raised_by.as_deref(), Some("reconciler"));
    assert_eq!(repair.ticket.about.service(), Some(service.code));
    assert_eq!(subscription(&simulated.subscriber(1).unwrap()), subscription(&before));
    // The caller whose service it is can follow it.
    let seen = world.ticket(&mario, repair.ticket.id).await;
    assert_eq!(seen.state, TicketState::Completed);
    let other = world.caller("Other").await;
    assert!(world.engine.ticket(&other, repair.ticket.id).await.is_err());
    world.clock.pass(SOON);
    soon("the drift's end", async || drifts(world).await.is_empty().then_some(())).await;
    assert_eq!(repairs(world).await.len(), 1);
    running.finish().await;
}

#[tokio::test]
async fn a_command_that_came_late_is_undone() {
    let (simulated, running) = Simulated::with_services(1).await;
    let world = &simulated.world;
    let bar = || "AS_SUS_MSISDN".parse().unwrap();
    simulated.done(ServiceOrder::AddBar(bar())).await;
    let barred = simulated.subscriber(1).unwrap();
    simulated.done(ServiceOrder::RemoveBar(bar())).await;
    let lifted = simulated.subscriber(1).unwrap();
    assert!(barred.suspended && !lifted.suspended);
    simulated.plant(1, Wanted::Present(subscription(&barred))).await;
    world.clock.pass(SOON);
    repaired(world).await;
    assert_eq!(subscription(&simulated.subscriber(1).unwrap()), subscription(&lifted));
    running.finish().await;
}

#[tokio::test]
async fn a_sim_that_came_back_after_its_service_ended_is_taken_off_again() {
    let (simulated, running) = Simulated::with_services(1).await;
    let world = &simulated.world;
    let before = simulated.subscriber(1).unwrap();
    simulated.done(ServiceOrder::Disconnect).await;
    assert_eq!(simulated.subscriber(1), None);
    simulated.plant(1, Wanted::Present(subscription(&before))).await;
    world.clock.pass(Duration::from_hours(25));
    let repair = repaired(world).await;
    assert_eq!(repair.ticket.about.service(), None);
    assert_eq!(simulated.subscriber(1), None);
    running.finish().await;
}

#[tokio::test]
async fn what_nobody_of_us_asked_for_is_reported_and_repaired_only_where_the_catalogue_says_so() {
    let (simulated, running) = Simulated::with_services(1).await;
    let world = &simulated.world;
    let before = simulated.subscriber(1).unwrap();
    let foreign = Subscription { tariff: "FOREIGN".parse().unwrap(), ..subscription(&before) };
    simulated.plant(1, Wanted::Present(foreign.clone())).await;
    world.clock.pass(SOON);
    let drift = soon("the drift", async || drifts(world).await.pop()).await;
    assert_eq!((drift.kind, drift.found), (DriftKind::Foreign, NetworkStatus::Active));
    assert!(drift.what.contains("FOREIGN"), "{drift:?}");
    // Looked at again, and still only reported.
    world.clock.pass(Duration::from_hours(2));
    soon("another look", async || {
        let seen = drifts(world).await.pop()?.seen;
        (seen > drift.seen).then_some(())
    })
    .await;
    assert_eq!(repairs(world).await.len(), 0);
    assert_eq!(subscription(&simulated.subscriber(1).unwrap()), foreign);
    let repaired_here = Network { drift: DriftPolicy::Repair, ..network("AS") };
    world.apply(Catalogue { networks: vec![repaired_here], ..Catalogue::default() }).await;
    world.clock.pass(Duration::from_hours(2));
    repaired(world).await;
    assert_eq!(subscription(&simulated.subscriber(1).unwrap()), subscription(&before));
    running.finish().await;
}

#[tokio::test]
async fn a_drift_that_comes_back_again_and_again_is_left_to_a_person() {
    let refused = || Outcome::Refused { reason: "no such profile".into() };
    let script = Script::new(move |n| if n == 0 { Act::Obey } else { Act::Answer(refused()) });
    let world = World::with(Arc::new(script)).await;
    let mario = world.call("MarioG").await;
    let running = Checked::of(&world);
    world.connected(&mario, 1).await;
    running.finish().await;
    // A network that remembers nothing.
    let forgetful = Script::new(move |_| Act::Answer(refused()));
    let forgetful = Arc::new(forgetful);
    let world = world.driven_by(forgetful).await;
    let running = Checked::of(&world);
    for round in 1..=REPAIRS_MAX {
        world.clock.pass(SOON);
        soon("a repair that fails", async || {
            let found = repairs(&world).await;
            let failed = found.iter().all(|one| one.ticket.state == TicketState::Failed);
            (failed && found.len() == usize::try_from(round).unwrap()).then_some(())
        })
        .await;
    }
    let before = drifts(&world).await.remove(0);
    assert_eq!(before.repairs, REPAIRS_MAX);
    world.clock.pass(Duration::from_hours(2));
    soon("another look", async || {
        let seen = drifts(&world).await.pop()?.seen;
        (seen > before.seen).then_some(())
    })
    .await;
    assert_eq!(drifts(&world).await[0].repairs, REPAIRS_MAX);
    // An operator has it tried once more.
    let how = Checking { origin: origin(), repair: true, restored: false, period: LONG };
    let code: NetworkCode = "AS".parse().unwrap();
    let report = world.engine.check_network(&code, &how, |_| {}).await.unwrap().unwrap();
    assert_eq!((report.compared, report.as_wanted, report.raised.len()), (1, 0, 1));
    running.finish().await;
}

#[tokio::test]
async fn while_a_restored_database_is_adopted_networks_are_read_and_nothing_is_sent() {
    let (simulated, running) = Simulated::with_services(3).await;
    let world = &simulated.world;
    running.finish().await;
    // Four orders that are open when the database is put back: the first one was done, the second one was not, of the
    // third one the network has something else by now, the last one changes only the books.
    let bar = || ServiceOrder::AddBar("AS_SUS_MSISDN".parse().unwrap());
    let mario = world.call("MarioG").await;
    let mut open = Vec::new();
    for number in [1, 2, 3] {
        let raised = world.engine.change_service(&mario, by_sim(number), bar()).await.unwrap();
        open.push(raised.ticket);
    }
    open.push(world.connect(&mario, 4).await.ticket);
    let mut barred = subscription(&simulated.subscriber(1).unwrap());
    barred.products.bars.push(provisor_domain::service::AppliedBar {
        code: "AS_SUS_MSISDN".parse().unwrap(),
        suspends: true,
    });
    simulated.plant(1, Wanted::Present(barred)).await;
    let third = subscription(&simulated.subscriber(3).unwrap());
    let newer = Subscription { tariff: "NEWER".parse().unwrap(), ..third };
    simulated.plant(3, Wanted::Present(newer)).await;
    let sent = simulated.logged().len();
    let now = world.clock.now();
    assert!(world.store.adopt_begin("restored".into(), origin(), now).await.unwrap());
    world.look().await;
    assert!(world.engine.in_maintenance().await.unwrap(), "callers are told to come back");
    let running = Checked::of(world);
    world.clock.pass(Duration::from_hours(25));
    let mut stands = Vec::new();
    world.engine.read_tickets(|read| stands.push((read.ticket.id, read.stands))).await.unwrap();
    let ids: Vec<_> = stands.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, open);
    assert_eq!(stands[0].1, Stands::Done);
    assert_eq!(stands[1].1, Stands::NotDone);
    assert!(matches!(&stands[2].1, Stands::Neither { what } if what.contains("NEWER")));
    assert_eq!(stands[3].1, Stands::NotDone);
    let how = Checking { origin: origin(), repair: false, restored: true, period: LONG };
    let code: NetworkCode = "AS".parse().unwrap();
    let report = world.engine.check_network(&code, &how, |_| {}).await.unwrap().unwrap();
    assert_eq!((report.held, report.compared), (3, 0), "their tickets were read already");
    assert_eq!(simulated.logged().len(), sent, "nothing was sent");
    assert_eq!(repairs(world).await.len(), 0);
    let now = world.clock.now();
    assert!(world.store.adopt_finish(origin(), now).await.unwrap());
    world.look().await;
    for ticket in open {
        world.until(ticket, &[TicketState::Completed]).await;
    }
    assert!(!world.engine.in_maintenance().await.unwrap());
    running.finish().await;
}

#[tokio::test]
async fn what_a_restore_left_undecided_is_never_repaired_by_itself() {
    let (simulated, running) = Simulated::with_services(1).await;
    let world = &simulated.world;
    let bar = || "AS_SUS_MSISDN".parse().unwrap();
    simulated.done(ServiceOrder::AddBar(bar())).await;
    simulated.done(ServiceOrder::RemoveBar(bar())).await;
    running.finish().await;
    // After the backup the service was barred again: a state that the books once had asked for.
    let mut barred = subscription(&simulated.subscriber(1).unwrap());
    let suspends = provisor_domain::service::AppliedBar { code: bar(), suspends: true };
    barred.products.bars.push(suspends);
    simulated.plant(1, Wanted::Present(barred)).await;
    let how = Checking { origin: origin(), repair: false, restored: true, period: LONG };
    let code: NetworkCode = "AS".parse().unwrap();
    let report = world.engine.check_network(&code, &how, |_| {}).await.unwrap().unwrap();
    assert_eq!(report.differ, 1);
    assert_eq!(drifts(world).await[0].kind, DriftKind::Restored);
    let before = drifts(world).await[0].seen;
    let running = Checked::of(world);
    world.clock.pass(Duration::from_hours(2));
    soon("another look", async || (drifts(world).await.pop()?.seen > before).then_some(())).await;
    assert_eq!((drifts(world).await[0].kind, repairs(world).await.len()), (DriftKind::Restored, 0));
    let how = Checking { repair: true, restored: false, ..how };
    let report = world.engine.check_network(&code, &how, |_| {}).await.unwrap().unwrap();
    assert_eq!(report.raised.len(), 1, "a person says that the books are right");
    repaired(world).await;
    assert!(!simulated.subscriber(1).unwrap().suspended);
    running.finish().await;
}

#[tokio::test]
async fn several_nodes_share_a_sweep_and_find_everything() {
    let (simulated, running) = Simulated::with_services(8).await;
    let world = &simulated.world;
    running.finish().await;
    for number in 1..=8 {
        simulated.plant(number, Wanted::Absent).await;
    }
    world.clock.pass(SOON);
    let neighbour = world.neighbour().await;
    let stop = watch::Sender::new(false);
    let nodes: Vec<_> = [world.engine.clone(), neighbour]
        .into_iter()
        .map(|engine| Runner::new(engine, false).checking(Checks::default()))
        .map(|runner| tokio::spawn(runner.run(stop.subscribe())))
        .collect();
    soon("all repairs", async || {
        let found = repairs(world).await;
        let done = found.iter().filter(|one| one.ticket.state == TicketState::Completed);
        (done.count() == 8).then_some(())
    })
    .await;
    assert_eq!(Simulator::subscribers(&simulated.dir.path().join("AS.db")).unwrap().len(), 8);
    stop.send_replace(true);
    for node in nodes {
        tokio::time::timeout(LONG, node).await.expect("it did not end").unwrap();
    }
}
