//! A small world: customer 1000000 with one contract, SIMs in stock, user MarioG; network AS.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::registry::Registry;
use provisor_domain::catalogue::{
    Bar, Catalogue, Contract, Customer, Network, Product, Template, User,
};
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::driver::{Driver, Element};
use provisor_domain::store::{Operations, Origin, TicketDetail, TicketFound};
use provisor_domain::ticket::Ticket;
use provisor_domain::{
    Iccid, ServiceSelector, SimRecord, SimState, TicketId, TicketState, UserKind,
};
use provisor_engine::{
    Call, Caller, Chance, ConnectOrder, Engine, Metrics, NetworkFactory, Parts, Raised, Runner,
    Share, Watch, hash_password,
};
use provisor_store::sqlite::{Options, SqliteStore};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A little longer than the runner waits between two probes of a network that is down.
const LONGEST_PROBE: Duration = Duration::from_secs(6);

/// How often a wait looks. Without a pause it would take the cores from what it waits for.
const LOOK: Duration = Duration::from_millis(2);
/// How long a wait may take: only a stall reaches it, also on a machine that builds something else meanwhile.
pub(crate) const STALLED_AFTER: Duration = Duration::from_mins(5);

pub(crate) const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn pass(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// What `ask` answers as soon as it answers something: what is waited for is in a database, which sends no event. The
/// caller says how long it may take.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        looks.tick().await;
    }
}

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: SqliteStore,
    pub(crate) clock: Arc<TestClock>,
    factory: NetworkFactory,
    dir: tempfile::TempDir,
}

pub(crate) fn origin() -> Origin {
    Origin { actor: "operator:test".into(), request_id: None }
}

pub(crate) fn iccid(number: usize) -> Iccid {
    format!("8910390{number:012}").parse().unwrap()
}

pub(crate) fn network(code: &str) -> Network {
    Network {
        code: code.parse().unwrap(),
        driver: "test".into(),
        number_range: Some(("07700900000".parse().unwrap(), "07700900999".parse().unwrap()))
            .filter(|_| code == "AS"),
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: serde_json::Map::new(),
    }
}

pub(crate) fn product<C: std::str::FromStr>(code: &str, network: &str) -> Product<C>
where
    C::Err: std::fmt::Debug,
{
    Product { code: code.parse().unwrap(), name: code.into(), network: network.parse().unwrap() }
}

fn sim(number: usize, customer: &str) -> SimRecord {
    SimRecord {
        iccid: iccid(number),
        imsi: Some(format!("9017{number:011}").parse().unwrap()),
        msisdn: None,
        customer: customer.parse().unwrap(),
        network: None,
        state: SimState::Stock,
        version: 1,
    }
}

fn customer(number: &str, contract: &str) -> Customer {
    let contract = Contract { code: contract.parse().unwrap(), name: "Fleet".into() };
    Customer { number: number.parse().unwrap(), name: number.into(), contracts: vec![contract] }
}

pub(crate) fn user(name: &str, kind: UserKind, customers: &[&str]) -> User {
    User {
        username: name.parse().unwrap(),
        kind,
        password_hash: Some(hash_password(&"Stuttgart".into()).unwrap()),
        customers: customers.iter().map(|c| c.parse().unwrap()).collect(),
        bars: vec!["AS_SUS_MSISDN".parse().unwrap(), "SLOW_BAR".parse().unwrap()],
        boltons: vec!["AS_ROAM".parse().unwrap()],
    }
}

/// SIMs 0..100 belong to customer 1000000, 100..200 to 2000000.
pub(crate) fn catalogue() -> Catalogue {
    Catalogue {
        networks: vec![network("AS"), network("SLOW")],
        tariffs: vec![product("T", "AS"), product("T_SLOW", "SLOW")],
        apns: vec![product("APN", "AS"), product("APN_SLOW", "SLOW")],
        boltons: vec![product("AS_ROAM", "AS"), product("AS_SECRET", "AS")],
        bars: ["AS_SUS_MSISDN", "BF_002", "SLOW_BAR"].map(bar).into(),
        templates: vec![Template {
            code: "TPL".parse().unwrap(),
            tariff: "T".parse().unwrap(),
            apns: vec!["APN".parse().unwrap()],
            boltons: vec!["AS_ROAM".parse().unwrap()],
        }],
        customers: vec![customer("1000000", "1000274"), customer("2000000", "2000274")],
        users: vec![
            user("MarioG", UserKind::Account, &["1000000"]),
            user("Other", UserKind::Account, &["2000000"]),
            user("Both", UserKind::Account, &["1000000", "2000000"]),
            user("Group", UserKind::Group("North".parse().unwrap()), &["1000000"]),
        ],
        sims: (0..200).map(|n| sim(n, if n < 100 { "1000000" } else { "2000000" })).collect(),
        ..Catalogue::default()
    }
}

fn bar(code: &str) -> Bar {
    let network = if code.starts_with("SLOW") { "SLOW" } else { "AS" };
    Bar {
        code: code.parse().unwrap(),
        name: code.into(),
        network: network.parse().unwrap(),
        suspends: true,
    }
}

impl World {
    /// A world whose networks are all driven by `driver`.
    pub(crate) async fn with(driver: Arc<dyn Driver>) -> Self {
        Self::by(Arc::new(move |_| Ok(Element::Network(driver.clone())))).await
    }

    pub(crate) async fn by(factory: NetworkFactory) -> Self {
        Self::of(catalogue(), factory).await
    }

    pub(crate) async fn of(catalogue: Catalogue, factory: NetworkFactory) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let now = SystemClock.now();
        store.catalogue_write(catalogue, origin(), now).await.unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(now.as_millisecond())));
        let engine = engine(&store, clock.clone()).await;
        let world = Self { engine, store, clock, factory, dir };
        world.look().await;
        world
    }

    /// The same world, with all its networks driven by another driver.
    pub(crate) async fn driven_by(self, driver: Arc<dyn Driver>) -> Self {
        let factory: NetworkFactory = Arc::new(move |_| Ok(Element::Network(driver.clone())));
        let engine = engine(&self.store, self.clock.clone()).await;
        let world = Self { engine, factory, ..self };
        world.look().await;
        world
    }

    /// Sees what changed in the store, as a server does four times a second.
    pub(crate) async fn look(&self) {
        Watch::new(self.engine.clone(), self.factory.clone()).look().await.unwrap();
    }

    /// Writes a catalogue, which is seen at once.
    pub(crate) async fn apply(&self, catalogue: Catalogue) {
        let now = self.clock.now();
        self.store.catalogue_write(catalogue, origin(), now).await.unwrap();
        self.look().await;
    }

    /// What processes that write to the database file take in turns.
    pub(crate) fn turn(&self) -> std::fs::File {
        std::fs::File::open(self.dir.path().join("test.db.turn")).unwrap()
    }

    /// What another process on the same database file is, as far as it can be without a process: it shares nothing
    /// with this one but the file (and the test's clock).
    pub(crate) async fn neighbour(&self) -> Arc<Engine> {
        let engine = engine(&open(&self.dir), self.clock.clone()).await;
        Watch::new(engine.clone(), self.factory.clone()).look().await.unwrap();
        engine
    }

    pub(crate) async fn caller(&self, name: &str) -> Caller {
        let password = "Stuttgart".into();
        self.engine.sign_in().sign_in(Some(name), Some(&password), HERE).await.unwrap()
    }

    pub(crate) async fn call(&self, name: &str) -> Call {
        Call { caller: self.caller(name).await, request_id: None, idempotency: None }
    }

    pub(crate) async fn connect(&self, call: &Call, number: usize) -> Raised {
        self.engine.connect_service(call, connect(number)).await.unwrap()
    }

    /// Starts a runner. The store's time passes with the machine's, so tests of leases move due times themselves.
    pub(crate) fn run(&self) -> Running {
        Running::of(&self.engine, true)
    }

    /// Waits until the ticket has reached one of `states`; fails when it must have stalled.
    pub(crate) async fn until(&self, id: TicketId, states: &[TicketState]) -> TicketDetail {
        let reached = eventually(async || {
            let detail = self.store.ticket_show(id).await.unwrap().unwrap();
            states.contains(&detail.ticket.state).then_some(detail)
        });
        if let Ok(detail) = tokio::time::timeout(STALLED_AFTER, reached).await {
            return detail;
        }
        let detail = self.store.ticket_show(id).await;
        panic!("not one of {states:?} at {}: {detail:#?}", self.clock.now());
    }

    /// Waits, without moving the clock, until an attempt at the ticket is on record.
    pub(crate) async fn attempted(&self, id: TicketId) -> TicketDetail {
        let attempted = eventually(async || {
            let detail = self.store.ticket_show(id).await.unwrap().unwrap();
            (!detail.attempts.is_empty()).then_some(detail)
        });
        tokio::time::timeout(STALLED_AFTER, attempted).await.expect("nobody attempted it")
    }

    /// The same as [`Self::until`], while the clock jumps past the ticket's due time, and past the next probe of a network that is down,
    /// whenever it waits for that. Never further: a lease or the ticket's greatest age must not run out by it.
    pub(crate) async fn until_in_time(&self, id: TicketId, states: &[TicketState]) -> TicketDetail {
        let jumps = eventually(async || {
            let ticket = self.store.ticket_show(id).await.unwrap().unwrap().ticket;
            if ticket.state == TicketState::Pending {
                let then = ticket.due + LONGEST_PROBE;
                self.clock.0.fetch_max(then.as_millisecond(), Ordering::SeqCst);
            }
            None::<()> // until the other one has what it waits for
        });
        tokio::select! {
            detail = self.until(id, states) => detail,
            () = jumps => unreachable!("it never ends"),
        }
    }

    pub(crate) async fn ticket(&self, caller: &Caller, id: TicketId) -> Ticket {
        match self.engine.ticket(caller, id).await.unwrap() {
            TicketFound::Ticket(ticket) => *ticket,
            TicketFound::Case(case) => panic!("a support case: {case:?}"),
        }
    }

    /// Connects a SIM and waits until it is done.
    pub(crate) async fn connected(&self, call: &Call, number: usize) -> ServiceSelector {
        let raised = self.connect(call, number).await;
        self.until(raised.ticket, &[TicketState::Completed]).await;
        by_sim(number)
    }
}

fn open(dir: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(&dir.path().join("test.db"), Options::default()).unwrap()
}

async fn engine(store: &SqliteStore, clock: Arc<TestClock>) -> Arc<Engine> {
    let metrics = Arc::new(Metrics::new(&mut Registry::default()));
    let parts = Parts { clock, chance: Chance::seeded(7), metrics, share: Share::all() };
    Arc::new(Engine::new(Arc::new(store.clone()), parts).await.unwrap())
}

pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Runs an engine's tickets; `alone` says that nobody else does.
    pub(crate) fn of(engine: &Arc<Engine>, alone: bool) -> Self {
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(Runner::new(engine.clone(), alone).run(stop.subscribe()));
        Self { stop, task }
    }

    /// Ends the runner as a crash does: nothing more is written.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Ends the runner, which must end by itself.
    pub(crate) async fn finish(self) {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(Duration::from_secs(10), self.task).await;
        ended.expect("the runner did not end").expect("the runner panicked");
    }
}

pub(crate) fn by_sim(number: usize) -> ServiceSelector {
    ServiceSelector::new(None, None, Some(iccid(number))).unwrap()
}

/// SIMs 0..100 are of customer 1000000, 100..200 of 2000000.
pub(crate) fn connect(number: usize) -> ConnectOrder {
    let contract = if number < 100 { "1000274" } else { "2000274" };
    ConnectOrder {
        iccid: iccid(number),
        name: "IMK Test".parse().unwrap(),
        contract: contract.parse().unwrap(),
        tariff: "T".parse().unwrap(),
        apns: vec!["APN".parse().unwrap()],
    }
}
