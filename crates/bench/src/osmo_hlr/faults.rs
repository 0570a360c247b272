//! What the tickets of another network see of an HLR that dies, loses answers and hangs.
//!
//! Two measurements. *Offered*: both networks get orders at a steady rate that the machine can well do, and what the other
//! network completes is held against what it was given, fault by fault, with the time from order to end. *Backlog*: the
//! other network is drained as fast as it goes while thousands of tickets wait for an HLR that is not there or hangs, in
//! turn with a drain beside no ticket at all: what is lacking then is what waiting tickets cost.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::future::{try_join, try_join_all};
use provisor_domain::catalogue::{Catalogue, Network, Product};
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::driver::Element;
use provisor_domain::store::Operations as _;
use provisor_drivers::simulator::{Settings, Simulator};
use provisor_engine::{Call, Engine, NetworkFactory};
use provisor_store::sqlite::{Options, SqliteStore};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::proxy::Proxy;
use super::server::{CTRL, Hlr, VTY};
use super::{MEMORY, all_carried_out, driver};
use crate::report::Rounds;
use crate::world::{self, Worlds};
use crate::{Size, drain, report};

/// The network beside the HLR's.
const OTHER: &str = "OTHER";
/// What SIMs are connected there with; those at the HLR with the world's own.
const OTHERS_TARIFF: &str = "TOTHER";
/// Orders a second for the HLR's network and for the other one.
const OFFERED: [usize; 2] = [200, 1_000];
/// How often orders come.
const TICK: Duration = Duration::from_millis(20);
const TICKS_PER_SECOND: usize = 50;
/// How long the HLR works undisturbed, before and after its faults, and loses answers.
const PERIOD: Duration = Duration::from_secs(10);
/// How long it is dead and alive by turns, and how often.
const DEAD: Duration = Duration::from_millis(500);
const ALIVE: Duration = Duration::from_millis(1_500);
const DEATHS: usize = 5;
/// How often an answer is lost.
const CUT: Duration = Duration::from_millis(100);
/// How long it hangs.
const HANG: Duration = Duration::from_secs(30);
/// How long the last tickets may take.
const LAST_TICKET_WITHIN: Duration = Duration::from_mins(2);
/// Tickets that wait for the HLR, and tickets of the other network, in the second measurement.
const WAITING: usize = 10_000;
const DRAINED: usize = 20_000;

/// Measures both.
pub(crate) async fn run(worlds: &Worlds, size: &Size) -> Result<()> {
    offered(worlds, size).await?;
    backlog(worlds, size).await
}

/// A world with both networks.
struct Place {
    dir: tempfile::TempDir,
    store: SqliteStore,
    database: PathBuf,
}

impl Place {
    async fn new(world: &Path) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let database = dir.path().join("faults.db");
        std::fs::copy(world, &database)?;
        let store = SqliteStore::open(&database, Options::default())?;
        let other = Network { code: OTHER.parse()?, ..world::network(dir.path())? };
        let tariff =
            Product { code: OTHERS_TARIFF.parse()?, name: "T".into(), network: other.code.clone() };
        let (networks, tariffs) = (vec![other], vec![tariff]);
        let catalogue = Catalogue { networks, tariffs, ..Catalogue::default() };
        store.catalogue_write(catalogue, world::origin(), SystemClock.now()).await?;
        Ok(Self { dir, store, database })
    }

    /// The HLR at these ports for the one network, a simulated one without latency for the other.
    async fn start(&self, ports: [u16; 2], address: &str) -> Result<drain::Running> {
        let [ctrl, vty] = ports;
        let settings = json!({ "address": address, "ctrl_port": ctrl, "vty_port": vty });
        let hlr = driver(&settings, self.dir.path())?;
        let file = self.dir.path().join("other.net");
        let build: NetworkFactory = Arc::new(move |network| {
            if network.code.as_str() != OTHER {
                return Ok(Element::Network(hlr.clone()));
            }
            let simulator = Simulator::open(&network.code, &file, Settings::default());
            let element = simulator.map(|simulator| Element::Network(Arc::new(simulator)));
            element.map_err(|error| error.to_string())
        });
        drain::start_with(Arc::new(self.store.clone()), build, true).await
    }

    /// Tickets of the other network: how many were raised and how many ended from one moment to another, and how long those
    /// took that ended, in ms, sorted.
    fn other(&self, from: i64, to: i64) -> Result<(u64, Vec<f64>)> {
        let books = rusqlite::Connection::open(&self.database)?;
        let raised = books.query_row(
            "SELECT count(*) FROM ticket WHERE network = ?1 AND raised_at >= ?2 AND raised_at < ?3",
            (OTHER, from, to),
            |row| row.get(0),
        )?;
        let mut took = books.prepare(
            "SELECT finished_at - raised_at AS took FROM ticket
             WHERE network = ?1 AND state = 'completed' AND finished_at >= ?2 AND finished_at < ?3 ORDER BY took",
        )?;
        let took = took.query_map((OTHER, from, to), |row| row.get(0))?;
        Ok((raised, took.collect::<Result<_, _>>()?))
    }
}

fn now() -> i64 {
    SystemClock.now().as_millisecond()
}

/// Orders at a steady rate, for SIMs from `next` on, until it is dropped.
async fn order(
    (engine, call): (&Engine, &Call),
    tariff: &str,
    per_second: usize,
    next: &AtomicUsize,
) -> Result<()> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        ticks.tick().await;
        let orders = (0..per_second / TICKS_PER_SECOND).map(|_| async {
            let order = drain::order(tariff, next.fetch_add(1, Ordering::Relaxed))?;
            Ok::<_, anyhow::Error>(engine.connect_service(call, order).await?)
        });
        try_join_all(orders).await?;
    }
}

async fn offered(worlds: &Worlds, size: &Size) -> Result<()> {
    let [at_hlr, at_other] = OFFERED;
    report::heading(&format!(
        "osmo-hlr in memory fails under {at_hlr} orders/s; another network beside it gets {at_other} orders/s"
    ));
    let place = Place::new(&worlds.fresh).await?;
    let mut hlr = Hlr::start(Path::new(MEMORY))?;
    let before = |port| Proxy::before(SocketAddr::new(hlr.address, port));
    let proxies = [before(CTRL).await?, before(VTY).await?];
    let running = place.start([proxies[0].port, proxies[1].port], "127.0.0.1").await?;
    let next = AtomicUsize::new(size.services);
    let call = drain::call(&running.engine).await?;
    let from = (&*running.engine, &call);
    let orders =
        try_join(order(from, "T", at_hlr, &next), order(from, OTHERS_TARIFF, at_other, &next));
    let windows = tokio::select! {
        ended = orders => return ended.map(|_| ()),
        windows = faults(&mut hlr, &proxies) => windows?,
    };
    let all = timeout(LAST_TICKET_WITHIN, drain::wait_for_all(&place.database));
    all.await.context("tickets are stuck")??;
    running.stop().await;
    for (what, from, to) in windows {
        let (raised, took) = place.other(from, to)?;
        #[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
        let kept = took.len() as f64 / raised as f64;
        let at = |part: usize| took.get(took.len() * part / 1_000).copied().unwrap_or_default();
        report::ratio(&format!("{what}: completed / ordered"), kept, 0.99);
        let [half, most, last] = [at(500), at(990), took.last().copied().unwrap_or_default()];
        report::figure(&format!("{what}: order to end, p50"), half, "ms");
        report::figure(&format!("{what}: order to end, p99"), most, "ms");
        report::figure(&format!("{what}: order to end, longest"), last, "ms");
    }
    all_carried_out(&place.database)
}

/// From when to when something was the matter.
type Window = (&'static str, i64, i64);

/// One fault after the other.
async fn faults(hlr: &mut Hlr, proxies: &[Proxy]) -> Result<Vec<Window>> {
    let mut windows = Vec::new();
    // The first orders find everything cold.
    sleep(PERIOD / 5).await;
    let mut from = now();
    let mut end = |what| {
        windows.push((what, std::mem::replace(&mut from, now()), now()));
    };
    sleep(PERIOD).await;
    end("it works");
    for _ in 0..DEATHS {
        hlr.kill();
        sleep(DEAD).await;
        hlr.restart()?;
        sleep(ALIVE).await;
    }
    end("it dies and comes back");
    let began = Instant::now();
    while began.elapsed() < PERIOD {
        proxies.iter().for_each(Proxy::cut);
        sleep(CUT).await;
    }
    end("its answers are cut");
    hlr.hang(true)?;
    sleep(HANG).await;
    end("it hangs");
    hlr.hang(false)?;
    sleep(PERIOD).await;
    end("it goes on with what has gathered");
    Ok(windows)
}

const ALONE: &str = "no ticket for the HLR";

async fn backlog(worlds: &Worlds, size: &Size) -> Result<()> {
    let rounds = size.rounds;
    report::heading(&format!(
        "{DRAINED} tickets of another network beside {WAITING} that wait for an HLR, {rounds} rounds, medians"
    ));
    let cases = [("the HLR is not there", false), ("the HLR hangs", true)];
    let mut figures = Rounds::default();
    for _ in 0..rounds {
        figures.add(ALONE, beside(worlds, size, None).await?, "tickets/s");
        for (what, hangs) in cases {
            figures.add(what, beside(worlds, size, Some(hangs)).await?, "tickets/s");
        }
    }
    figures.print();
    for (what, _) in cases {
        report::ratio(&format!("{what} / {ALONE}"), figures.ratio(what, ALONE), 0.99);
    }
    Ok(())
}

/// Tickets a second of the other network, beside tickets that wait for an HLR that hangs or is not there.
async fn beside(worlds: &Worlds, size: &Size, waits: Option<bool>) -> Result<f64> {
    let place = Place::new(&worlds.fresh).await?;
    let mut hlr = Hlr::start(Path::new(MEMORY))?;
    if waits == Some(true) {
        hlr.hang(true)?;
    } else {
        hlr.kill();
    }
    let running = place.start([CTRL, VTY], &hlr.address.to_string()).await?;
    let first = size.services;
    if waits.is_some() {
        drain::open(&place.store, first, WAITING).await?;
        // The first of them have been tried by then.
        sleep(PERIOD).await;
    }
    let first = first + WAITING;
    let began = Instant::now();
    drain::open_at(&place.store, OTHER, first..first + DRAINED).await?;
    let books = rusqlite::Connection::open(&place.database)?;
    let mut open = books.prepare(
        "SELECT EXISTS (SELECT 1 FROM ticket WHERE network = ?1 AND finished_at IS NULL)",
    )?;
    while open.query_row([OTHER], |row| row.get(0))? {
        sleep(Duration::from_millis(10)).await;
    }
    let rate = drain::per_second(DRAINED, began);
    if waits == Some(true) {
        hlr.hang(false)?;
    }
    running.stop().await;
    Ok(rate)
}
