//! Carrying tickets out, in process: bulk opening, a drain of many tickets through a simulated network without latency,
//! and how long an order takes to reach the driver. The floor is a bare batch insert of as many ticket rows.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_trait::async_trait;
use prometheus_client::registry::Registry;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::driver::{
    Command, Comparison, Driver, DriverLimits, Element, NetworkStatus, Outcome, Want,
};
use provisor_domain::order::Connect;
use provisor_domain::store::{NewTicket, Opened, Store, SubjectClaim, TicketStore};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::{Iccid, Imsi, Order};
use provisor_drivers::simulator::{Settings, Simulator};
use provisor_engine::{
    Call, Chance, ConnectOrder, Engine, Metrics, NetworkFactory, Parts, Runner, Share, Watch,
};
use provisor_store::sqlite::{Options, SqliteStore};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::world::{self, Worlds};
use crate::{Size, report};

const BATCH: usize = 1_000;
pub(crate) const SINGLE_ORDERS: usize = 1_000;

/// A runner at work.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) engine: Arc<Engine>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends the runner.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // A runner that panicked has already shown itself in the figures.
        let _ = self.task.await;
    }
}

/// Settings of a simulated network that answers at once.
pub(crate) fn no_latency() -> Settings {
    Settings::default()
}

/// Starts a runner on `store`, which is its alone or not, with a simulated network that keeps its state in `file`.
pub(crate) async fn start(
    store: Arc<dyn Store>,
    file: &Path,
    settings: Settings,
    alone: bool,
) -> Result<Running> {
    let file = file.to_owned();
    let build: NetworkFactory = Arc::new(move |network| {
        let simulator = Simulator::open(&network.code, &file, settings.clone());
        let element = simulator.map(|s| Element::Network(Arc::new(s)));
        element.map_err(|error| error.to_string())
    });
    start_with(store, build, alone).await
}

/// The same with drivers that `build` makes.
pub(crate) async fn start_with(
    store: Arc<dyn Store>,
    build: NetworkFactory,
    alone: bool,
) -> Result<Running> {
    let metrics = Arc::new(Metrics::new(&mut Registry::default()));
    let (clock, chance) = (Arc::new(SystemClock), Chance::seeded(1));
    let parts = Parts { clock, chance, metrics, share: Share::all() };
    let engine = Arc::new(Engine::new(store, parts).await?);
    Watch::new(engine.clone(), build).look().await?;
    let stop = watch::Sender::new(false);
    let task = tokio::spawn(Runner::new(engine.clone(), alone).run(stop.subscribe()));
    Ok(Running { engine, stop, task })
}

/// Waits until no ticket is open.
pub(crate) async fn wait_for_all(database: &Path) -> Result<()> {
    // Not through the store: its figures cost as much as there are open tickets.
    let connection = rusqlite::Connection::open(database)?;
    let mut open = connection.prepare("SELECT EXISTS (SELECT 1 FROM subject_lock)")?;
    while open.query_row([], |row| row.get(0))? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Measures both worlds.
pub(crate) async fn run(worlds: &Worlds, size: &Size) -> Result<()> {
    report::heading(&format!("drain of {} tickets, {} rounds, medians", size.tickets, size.rounds));
    let mut figures = Figures::default();
    for _ in 0..size.rounds {
        figures.floor.push(bare_insert(size.tickets)?);
        let fresh = one_drain(&worlds.fresh, size).await?;
        figures.opened.push(fresh.opened);
        figures.fresh.push(fresh.drained);
        figures.aged.push(one_drain(&worlds.aged, size).await?.drained);
    }
    figures.print();
    let dir = tempfile::tempdir()?;
    let copy = dir.path().join("single.db");
    std::fs::copy(&worlds.aged, &copy)?;
    let store = SqliteStore::open(&copy, Options::default())?;
    let reached = single_orders(Arc::new(store), size.services).await?;
    report::figure("order to driver call, p99", reached.p99, "ms");
    let of_open = reached.p50 / reached.opened;
    report::bound("order to driver call / order to acknowledgement", of_open, 2.0, "x");
    Ok(())
}

#[derive(Debug, Default)]
struct Figures {
    floor: Vec<f64>,
    opened: Vec<f64>,
    fresh: Vec<f64>,
    aged: Vec<f64>,
}

impl Figures {
    fn print(&self) {
        let (floor, fresh) = (report::median(&self.floor), report::median(&self.fresh));
        let aged = report::median(&self.aged);
        report::figure("floor: bare insert of ticket rows, batches of 1,000", floor, "rows/s");
        report::figure(
            "bulk open (connect), batches of 1,000",
            report::median(&self.opened),
            "tickets/s",
        );
        report::figure("drain, no finished tickets", fresh, "tickets/s");
        report::figure("drain, with finished tickets", aged, "tickets/s");
        report::ratio("drain / floor", fresh / floor, 0.5);
        report::ratio("drain with finished tickets / without", aged / fresh, 0.9);
    }
}

#[derive(Debug)]
struct Drained {
    opened: f64,
    drained: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
pub(crate) fn per_second(count: usize, began: Instant) -> f64 {
    count as f64 / began.elapsed().as_secs_f64()
}

async fn one_drain(database: &Path, size: &Size) -> Result<Drained> {
    let dir = tempfile::tempdir()?;
    let copy = dir.path().join("drain.db");
    std::fs::copy(database, &copy)?;
    let store = SqliteStore::open(&copy, Options::default())?;
    let began = Instant::now();
    open(&store, size.services, size.tickets).await?;
    let opened = per_second(size.tickets, began);
    let began = Instant::now();
    let running =
        start(Arc::new(store.clone()), &dir.path().join("net.db"), no_latency(), true).await?;
    wait_for_all(&copy).await?;
    let drained = per_second(size.tickets, began);
    running.stop().await;
    Ok(Drained { opened, drained })
}

/// Opens tickets that connect SIMs from number `first` on.
pub(crate) async fn open(store: &dyn TicketStore, first: usize, count: usize) -> Result<()> {
    open_at(store, "AS", first..first + count).await
}

/// Opens tickets that connect SIMs at a network.
pub(crate) async fn open_at(
    store: &dyn TicketStore,
    network: &str,
    sims: Range<usize>,
) -> Result<()> {
    for begin in sims.clone().step_by(BATCH) {
        let numbers = begin..(begin + BATCH).min(sims.end);
        let tickets: Result<Vec<NewTicket>> = numbers.map(|n| connect(network, n)).collect();
        let opened = store.ticket_open(tickets?).await?;
        anyhow::ensure!(
            opened.iter().all(|o| matches!(o, Opened::Ticket(_))),
            "{:?}",
            opened.first()
        );
    }
    Ok(())
}

fn connect(network: &str, number: usize) -> Result<NewTicket> {
    let iccid: Iccid = world::iccid(number).parse()?;
    let order = Connect {
        name: "Tracker".parse()?,
        contract: world::contract(number).parse()?,
        tariff: "T".parse()?,
        apns: Vec::new(),
        group: None,
    };
    Ok(NewTicket {
        order: Order::Connect(order),
        subjects: vec![SubjectClaim { subject: Subject::Sim(iccid.clone()), version: 1 }],
        customer: world::customer(number).parse()?,
        network: network.parse()?,
        about: About::Service { iccid, service: None, cli: Some(world::cli(number).parse()?) },
        secret: None,
        origin: world::origin(),
        idempotency: None,
        raised: SystemClock.now(),
    })
}

/// Inserts `count` rows into the store's own ticket table, with its indexes and its durability, and nothing else.
fn bare_insert(count: usize) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("bare.db");
    drop(SqliteStore::open(&path, Options::default())?);
    let mut connection = rusqlite::Connection::open(&path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -32768",
    )?;
    let began = Instant::now();
    for first in (0..count).step_by(BATCH) {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO ticket (id, state, kind, customer, network, iccid, order_json, raised_by, raised_at, due_at, subjects)
                 VALUES (?1, 'pending', 'connect', ?2, 'AS', ?3, ?4, 'user:Bench', ?5, ?5, json_array('sim:' || ?3))",
            )?;
            let order = r#"{"kind":"connect","name":"Tracker","contract":"200000000","tariff":"T","apns":[],"group":null}"#;
            for number in first..(first + BATCH).min(count) {
                let id = i64::try_from(number)? + 1224;
                let row = (
                    id,
                    world::customer(number),
                    world::iccid(number),
                    order,
                    1_800_000_000_000_i64,
                );
                insert.execute(row)?;
            }
        }
        transaction.commit()?;
    }
    Ok(per_second(count, began))
}

/// A driver that tells when it was called.
#[derive(Debug)]
struct Witness(mpsc::UnboundedSender<Instant>);

#[async_trait]
impl Driver for Witness {
    async fn ensure(&self, _command: &Command) -> Outcome {
        // Nobody listens any more once the measurement is over.
        let _ = self.0.send(Instant::now());
        Outcome::Done
    }

    async fn status(&self, _iccid: &Iccid, _imsi: Option<&Imsi>) -> NetworkStatus {
        NetworkStatus::Unknown
    }

    async fn compare(&self, _want: &Want) -> Comparison {
        Comparison::AsWanted
    }

    fn limits(&self) -> DriverLimits {
        DriverLimits {
            in_flight_max: 1_000,
            per_second_max: None,
            command_deadline: Duration::from_secs(5),
        }
    }
}

/// What single orders took, in milliseconds.
#[derive(Debug)]
pub(crate) struct Reached {
    /// To the acknowledgement, p50.
    opened: f64,
    /// To the driver's call, p50.
    p50: f64,
    /// To the driver's call, p99.
    pub(crate) p99: f64,
}

/// A call of the world's user.
pub(crate) async fn call(engine: &Engine) -> Result<Call> {
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    let (username, password) = (Some(world::USERNAME), world::PASSWORD.into());
    let caller = engine.sign_in().sign_in(username, Some(&password), source).await?;
    Ok(Call { caller, request_id: None, idempotency: None })
}

/// An order to connect a SIM under a tariff, which says at which network.
pub(crate) fn order(tariff: &str, number: usize) -> Result<ConnectOrder> {
    Ok(ConnectOrder {
        iccid: world::iccid(number).parse()?,
        name: "Tracker".parse()?,
        contract: world::contract(number).parse()?,
        tariff: tariff.parse()?,
        apns: Vec::new(),
    })
}

/// One order after the other on an idle engine: when it is acknowledged, and when the driver is called. The orders are for
/// SIMs from number `first` on.
pub(crate) async fn single_orders(store: Arc<dyn Store>, first: usize) -> Result<Reached> {
    let (called, mut calls) = mpsc::unbounded_channel();
    let build: NetworkFactory =
        Arc::new(move |_| Ok(Element::Network(Arc::new(Witness(called.clone())))));
    let running = start_with(store, build, true).await?;
    let call = call(&running.engine).await?;
    let (mut opened, mut reached) = (Vec::new(), Vec::new());
    for number in 0..SINGLE_ORDERS {
        let order = order("T", first + number)?;
        let began = Instant::now();
        running.engine.connect_service(&call, order).await?;
        opened.push(report::millis(began.elapsed()));
        let call = calls.recv().await.context("the driver was not called")?;
        reached.push(report::millis(call - began));
    }
    running.stop().await;
    report::heading(&format!("{SINGLE_ORDERS} single orders on an idle engine"));
    let p99 = |times: &mut [f64]| {
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() * 99 / 100]
    };
    let (opened_p99, p99) = (p99(&mut opened), p99(&mut reached));
    let reached = Reached { opened: report::median(&opened), p50: report::median(&reached), p99 };
    report::figure("order to acknowledgement, p50", reached.opened, "ms");
    report::figure("order to acknowledgement, p99", opened_p99, "ms");
    report::figure("order to driver call, p50", reached.p50, "ms");
    Ok(reached)
}
