//! Carrying tickets out on PostgreSQL, in process: workers that each have a runner, a store and a simulated network of their
//! own, up to 1,000 tickets under way. The floor is a bare insert by `UNNEST`, 1,000 rows to a statement; beside it stand a
//! bare claim and what a ticket's rows cost by themselves ([`super::ends`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use provisor_drivers::simulator::Settings;
use provisor_store::postgres::{Options, PostgresStore};

use super::{MANY, Places, aim_aged, ends, floors, rig};
use crate::drain::{SINGLE_ORDERS, no_latency, open, per_second, single_orders, start};
use crate::report::{self, Rounds};
use crate::{Size, world};

/// Tickets under way at most: a claim takes no more.
const UNDER_WAY: [usize; 2] = [100, 1_000];
/// For which workers, tickets under way and connections of the floor there is an aim.
const AIM: (usize, usize, usize) = (4, 1_000, 1);
/// Tickets of one drain at most: there are many drains.
const TICKETS_MAX: usize = 20_000;
/// Rows of the floor, for each ticket of a drain: they are quickly in.
const ROWS_A_TICKET: usize = 5;
/// The first ticket that is open, as far as the one before is known: the dead rows before it are not looked at again.
const FIRST_OPEN: &str = "SELECT min(id) FROM provisor.ticket_queue WHERE id >= $1";
/// A ticket that ended otherwise than it should.
const FAILED: &str = "SELECT state FROM provisor.ticket_end WHERE state <> 'completed' LIMIT 1";

fn floor_of(connections: usize) -> String {
    format!("floor: bare insert by UNNEST, connections: {connections}")
}

fn claim_of(connections: usize) -> String {
    format!("floor: bare claim by SKIP LOCKED, connections: {connections}")
}

fn ends_of(connections: usize) -> String {
    format!("floor: a ticket's rows, claim to end, connections: {connections}")
}

fn drain_of(workers: usize, under_way: usize, world: &str) -> String {
    format!("drain, workers: {workers}, under way: {under_way}, {world}")
}

/// Measures both worlds.
pub(crate) async fn run(places: &Places, size: &Size) -> Result<()> {
    let drains = size.rounds * UNDER_WAY.len() * MANY.len();
    // The first SIMs are for single orders.
    let stock = size.sims.saturating_sub(SINGLE_ORDERS);
    let tickets = size.tickets.min(TICKETS_MAX).min(stock / drains.max(1));
    ensure!(tickets > 0, "more --sims are needed");
    report::heading(&format!("drains of {tickets} tickets, {} rounds, medians", size.rounds));
    let mut next = size.services + SINGLE_ORDERS;
    let mut rounds = Rounds::default();
    for _ in 0..size.rounds {
        for connections in [1, 2] {
            let rows = ROWS_A_TICKET * tickets;
            let sim = |number| (world::customer(number), world::iccid(number));
            let order = r#"{"connect":{"name":"Tracker","contract":"200000000","tariff":"T","apns":[],"group":null}}"#;
            let rate = floors::bare(&places.fresh, rows, connections, sim, order).await;
            rounds.add(&floor_of(connections), rate, "rows/s");
            let rates = ends::rates(&places.fresh, tickets, connections).await?;
            rounds.add(&claim_of(connections), rates.claimed, "tickets/s");
            rounds.add(&ends_of(connections), rates.ended, "tickets/s");
        }
        for under_way in UNDER_WAY {
            for workers in MANY {
                for (world, database) in places.both() {
                    let (opened, drained) =
                        one_drain(database, workers, under_way, next..next + tickets).await?;
                    rounds.add(&format!("bulk open (connect), {world}"), opened, "tickets/s");
                    rounds.add(&drain_of(workers, under_way, world), drained, "tickets/s");
                }
                next += tickets;
            }
        }
    }
    for (world, database) in places.both() {
        let failed = database.table(FAILED);
        ensure!(failed.is_empty(), "{world}: a ticket was not carried out: {failed:?}");
    }
    print(places, size, &rounds);
    for (world, database) in places.both() {
        report::heading(&format!("what cost most in the last drain, {world}: ms, calls, rows"));
        for line in database.table(floors::COSTS) {
            println!("  {line}");
        }
    }
    let store = PostgresStore::open(&places.aged.url, Options::default()).await?;
    let reached = single_orders(Arc::new(store), size.services).await?;
    report::bound("order to driver call, p99", reached.p99, 5.0, "ms");
    Ok(())
}

fn print(places: &Places, size: &Size, rounds: &Rounds) {
    rounds.print();
    let [(fresh, _), (aged, _)] = places.both();
    for under_way in UNDER_WAY {
        for workers in MANY {
            let drain = drain_of(workers, under_way, fresh);
            let name = format!("workers: {workers}, under way: {under_way}");
            for connections in [1, 2] {
                let ratio = rounds.ratio(&drain, &floor_of(connections));
                let name = format!("{name}, drain / floor on {connections}");
                if (workers, under_way, connections) == AIM {
                    report::ratio(&name, ratio, 0.5);
                } else {
                    report::figure(&name, ratio, "x");
                }
            }
            for connections in [1, 2] {
                let ratio = rounds.ratio(&drain, &ends_of(connections));
                report::figure(
                    &format!("{name}, drain / a ticket's rows on {connections}"),
                    ratio,
                    "x",
                );
            }
            let ratio = rounds.ratio(&drain_of(workers, under_way, aged), &drain);
            report::ratio(&format!("{name}, finished / none"), ratio, aim_aged(size));
        }
    }
}

/// Waits until no ticket is open, on a connection of its own.
async fn wait_for_all(database: &rig::Database) -> Result<()> {
    // Not through the store: its figures cost as much as there are open tickets.
    let client = rig::connect(&database.url).await?;
    let first_open = client.prepare(FIRST_OPEN).await?;
    let mut first = Some(0_i64);
    while let Some(known) = first {
        tokio::time::sleep(Duration::from_millis(20)).await;
        first = client.query_one(&first_open, &[&known]).await?.try_get(0)?;
    }
    Ok(())
}

/// Opens tickets for `sims`, then carries them out. Answers how many a second of each.
async fn one_drain(
    database: &rig::Database,
    workers: usize,
    under_way: usize,
    sims: std::ops::Range<usize>,
) -> Result<(f64, f64)> {
    let dir = tempfile::tempdir()?;
    let mut stores = Vec::new();
    for _ in 0..workers {
        stores.push(PostgresStore::open(&database.url, Options::default()).await?);
    }
    let began = Instant::now();
    open(&stores[0], sims.start, sims.len()).await?;
    let opened = per_second(sims.len(), began);
    database.run("SELECT pg_stat_statements_reset()");
    let began = Instant::now();
    let mut running = Vec::new();
    for (number, store) in stores.into_iter().enumerate() {
        let settings = Settings { in_flight: under_way, ..no_latency() };
        let file = dir.path().join(format!("net{number}.db"));
        running.push(start(Arc::new(store), &file, settings, false).await?);
    }
    wait_for_all(database).await?;
    let drained = per_second(sims.len(), began);
    for runner in running {
        runner.stop().await;
    }
    Ok((opened, drained))
}
