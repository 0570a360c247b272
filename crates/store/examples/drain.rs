//! What the store costs per ticket, without engine or network: opens, claims and settles tickets in full batches.
//!
//! `cargo run --release -p provisor-store --example drain -- [SIMS] [ROUNDS]`
//!
//! Every round is one ticket for each SIM (connects and disconnects in turn), so that each round finds one more
//! generation of finished tickets; figures that stay flat from round to round are the point.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints, and stops when it fails"
)]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use provisor_domain::catalogue::CatalogueKeys;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::plan::Books;
use provisor_domain::store::{
    ImportRow, NewTicket, Opened, Operations, Settled, SimKeys, TicketStore,
};
use provisor_domain::{Order, ServiceCode};
use provisor_store::sqlite::{Options, SqliteStore};

#[path = "world/mod.rs"]
mod world;

use world::{BATCH, a, claim, connect, customer, iccid, msisdn, origin, settlements, ticket};

async fn load(store: &SqliteStore, sims: usize, now: Timestamp) {
    store.catalogue_write(world::catalogue(), origin(), now).await.unwrap();
    let import = store.sim_import_begin("drain".to_owned(), origin(), now).await.unwrap();
    let began = Instant::now();
    for from in (0..sims).step_by(5_000) {
        let rows = (from..sims.min(from + 5_000)).map(|n| ImportRow {
            line: 0,
            iccid: iccid(n),
            imsi: Some(a(&format!("90170{n:010}"))),
            msisdn: Some(msisdn(n)),
            customer: a(&customer(n)),
            network: None,
            keys: SimKeys::default(),
        });
        assert!(store.sim_import_rows(import, rows.collect()).await.unwrap().is_empty());
    }
    store.sim_import_finish(import, now).await.unwrap();
    println!("import: {:.1} us a SIM, {}", micros(began.elapsed(), sims), memory());
}

fn order(sim: usize, round: usize) -> Order {
    if round % 2 == 1 { Order::Disconnect } else { connect(sim) }
}

/// The tickets of one round; reading the SIMs' versions is not measured.
async fn tickets(
    store: &SqliteStore,
    sims: std::ops::Range<usize>,
    services: &[Option<ServiceCode>],
    round: usize,
    now: Timestamp,
) -> Vec<NewTicket> {
    let keys =
        CatalogueKeys { sims: sims.clone().map(iccid).collect(), ..CatalogueKeys::default() };
    let records = store.catalogue_read(keys).await.unwrap().sims;
    let ticket = |(n, sim): (usize, provisor_domain::SimRecord)| {
        ticket(n, sim.version, order(n, round), services[n], now)
    };
    sims.zip(records).map(ticket).collect()
}

/// Time of one kind of call: on the wall, and of it on a core in the writer's thread. The second is what can be
/// compared between runs on a machine that does other work, too.
#[derive(Clone, Copy, Default)]
struct Time {
    wall: Duration,
    core: Duration,
}

impl Time {
    /// Adds what `work` takes.
    async fn add<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (began, busy) = (Instant::now(), writer_on_core());
        let done = work.await;
        self.wall += began.elapsed();
        self.core += writer_on_core().saturating_sub(busy);
        done
    }

    fn per(self, tickets: usize) -> String {
        format!("{:.1} ({:.1})", micros(self.wall, tickets), micros(self.core, tickets))
    }
}

/// How long the writer's thread has been on a core so far; nothing where the system does not tell.
fn writer_on_core() -> Duration {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let is_writer = |thread: &std::path::PathBuf| {
        std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "store-writer")
    };
    let writer = threads.flatten().map(|thread| thread.path()).find(is_writer);
    writer.map_or(Duration::ZERO, |thread| on_core(&format!("{}", thread.display())))
}

/// How long a thread has been on a core so far.
fn on_core(thread: &str) -> Duration {
    let path = std::path::Path::new("/proc").join(thread).join("schedstat");
    let line = std::fs::read_to_string(path).unwrap_or_default();
    Duration::from_nanos(line.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

#[derive(Default)]
struct Spent {
    open: Time,
    claim: Time,
    settle: Time,
}

async fn round(
    store: &SqliteStore,
    services: &mut [Option<ServiceCode>],
    round: usize,
    now: Timestamp,
) -> Spent {
    let mut spent = Spent::default();
    for from in (0..services.len()).step_by(BATCH) {
        let range = from..services.len().min(from + BATCH);
        let batch = tickets(store, range, services, round, now).await;
        let opened = spent.open.add(store.ticket_open(batch)).await.unwrap();
        assert!(opened.iter().all(|answer| matches!(answer, Opened::Ticket(_))));
    }
    let mut after = None;
    loop {
        let claimed =
            spent.claim.add(store.ticket_claim(claim(1, BATCH, after, now))).await.unwrap();
        after = claimed.last;
        if claimed.leases.is_empty() {
            return spent;
        }
        let settlements = settlements(&claimed.leases, now);
        let settled = spent.settle.add(store.ticket_settle(settlements, now)).await.unwrap();
        assert!(settled.iter().all(|answer| *answer == Settled::Done));
        remember_services(store, services, &claimed.leases).await;
    }
}

async fn remember_services(
    store: &SqliteStore,
    services: &mut [Option<ServiceCode>],
    leases: &[provisor_domain::store::Lease],
) {
    for lease in leases {
        let Books::Service(books) = &lease.books else { unreachable!("only SIMs have tickets") };
        let sim: usize = books.sim.iccid.as_str()[8..].parse().unwrap();
        services[sim] = match &books.service {
            Some(_) => None,
            None => store.ticket_show(lease.ticket).await.unwrap().unwrap().ticket.about.service(),
        };
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn micros(spent: Duration, tickets: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / tickets as f64
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS unknown").to_owned()
}

/// The floor: as many rows as tickets into one bare table, in the same batches, on a connection with the same safety.
fn floor(path: &std::path::Path, rows: usize) -> Time {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;
        CREATE TABLE bare (id INTEGER PRIMARY KEY, state TEXT, kind TEXT, customer TEXT, network TEXT, iccid TEXT,
          cli TEXT, order_json TEXT, raised_by TEXT, raised_at INTEGER, due_at INTEGER) STRICT";
    connection.execute_batch(settings).unwrap();
    let body = serde_json::to_string(&order(0, 0)).unwrap();
    let (began, busy) = (Instant::now(), on_core("thread-self"));
    for from in (0..rows).step_by(BATCH) {
        let batch = connection.transaction().unwrap();
        let insert = "INSERT INTO bare VALUES (?1, 'pending', 'connect', ?2, 'AS', ?3, ?4, ?5, 'operator:drain', ?1, ?1)";
        let mut insert = batch.prepare_cached(insert).unwrap();
        for n in from..rows.min(from + BATCH) {
            let iccid = iccid(n);
            insert
                .execute(rusqlite::params![n, customer(n), iccid.as_str(), "447000000000", body])
                .unwrap();
        }
        drop(insert);
        batch.commit().unwrap();
    }
    Time { wall: began.elapsed(), core: on_core("thread-self").saturating_sub(busy) }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let sims = arguments.next().unwrap_or(100_000);
    let rounds = arguments.next().unwrap_or(6);
    let folder = tempfile::TempDir::new_in(std::env::current_dir().unwrap()).unwrap();
    let path = folder.path().join("drain.db");
    let store = SqliteStore::open(&path, Options::default()).unwrap();
    let now = SystemClock.now();
    load(&store, sims, now).await;
    let mut services = vec![None; sims];
    for number in 0..rounds {
        let floor = floor(&folder.path().join(format!("floor-{number}.db")), sims);
        println!("floor: a bare insert {} us a row on the wall (on a core)", floor.per(sims));
        let spent = round(&store, &mut services, number, now).await;
        let drain = spent.claim.wall + spent.settle.wall;
        let drain_core = spent.claim.core + spent.settle.core;
        println!(
            "round {number}, {} finished before: open {}, claim {}, settle {} us a ticket on the wall (on a core); \
             claim and settle {:.0} ({:.0}) tickets/s; {}",
            number * sims,
            spent.open.per(sims),
            spent.claim.per(sims),
            spent.settle.per(sims),
            1e6 / micros(drain, sims),
            1e6 / micros(drain_core, sims),
            memory(),
        );
    }
    drop(store);
    let began = Instant::now();
    drop(SqliteStore::open(&path, Options::default()).unwrap());
    println!("open and close again: {:?}", began.elapsed());
}
