//! Connect tickets carried out at a real osmo-hlr, in process, against what the same HLR takes from a bare CTRL client that
//! makes the same subscribers: 32 requests under way, no question asked and nothing read back.

mod bare;
pub(crate) mod faults;
mod proxy;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use provisor_domain::driver::Element;
use provisor_drivers::osmo_hlr::{OsmoHlr, Settings};
use provisor_engine::NetworkFactory;
use provisor_store::sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use crate::report::Rounds;
use crate::world::Worlds;
use crate::{Size, drain, report};
use bare::{Sends, ceiling};
use server::Hlr;

/// Most tickets of one drain: an HLR on a disk may take no more than a hundred or so a second.
const TICKETS_ON_DISK_MAX: usize = 2_000;
const TICKETS_IN_MEMORY_MAX: usize = 20_000;

/// A folder that is in memory.
const MEMORY: &str = "/dev/shm";

const BARE: &str = "ceiling: a bare CTRL client, create and number";
const SAME: &str = "the same client with the driver's requests";
const CARRIED: &str = "connect tickets through provisor";

/// Measures on the disk and in memory.
pub(crate) async fn run(worlds: &Worlds, size: &Size) -> Result<()> {
    let disk = tempfile::tempdir()?;
    for (place, dir, most) in [
        ("a disk", disk.path(), TICKETS_ON_DISK_MAX),
        ("memory", Path::new(MEMORY), TICKETS_IN_MEMORY_MAX),
    ] {
        let tickets = size.tickets.min(most);
        let mut rounds = Rounds::default();
        let (count, first) = (size.rounds, size.services);
        report::heading(&format!(
            "osmo-hlr on {place}: {tickets} connects, {count} rounds, medians"
        ));
        for _ in 0..count {
            for (name, sends) in [(BARE, Sends::Writes), (SAME, Sends::Connects)] {
                let hlr = Hlr::start(dir)?;
                rounds.add(name, ceiling(&hlr, sends, first, tickets)?, "subscribers/s");
            }
            let hlr = Hlr::start(dir)?;
            let (rate, each) = through(&hlr, &worlds.fresh, size, tickets).await?;
            rounds.add(CARRIED, rate, "tickets/s");
            rounds.add("requests to the HLR per ticket", each, "");
        }
        rounds.print();
        report::ratio("tickets / ceiling", rounds.ratio(CARRIED, BARE), 0.9);
        report::figure(
            "tickets / the client with the same requests",
            rounds.ratio(CARRIED, SAME),
            "x",
        );
    }
    Ok(())
}

/// A driver of the HLR that these settings name.
fn driver(settings: &Value, dir: &Path) -> Result<Arc<OsmoHlr>> {
    let settings = settings.as_object().context("a table")?;
    let settings = Settings::from_json(settings).map_err(anyhow::Error::msg)?;
    let keys = provisor_drivers::Surroundings::new(dir).keys;
    Ok(Arc::new(OsmoHlr::new(&"AS".parse()?, settings, keys)))
}

/// Tickets a second, and requests to the HLR for each.
async fn through(hlr: &Hlr, world: &Path, size: &Size, tickets: usize) -> Result<(f64, f64)> {
    let dir = tempfile::tempdir()?;
    let copy = dir.path().join("drain.db");
    std::fs::copy(world, &copy)?;
    let store = SqliteStore::open(&copy, Options::default())?;
    drain::open(&store, size.services, tickets).await?;
    let in_flight: u64 = std::env::var("IN_FLIGHT").map_or(64, |text| text.parse().unwrap_or(64));
    let driver =
        driver(&json!({ "address": hlr.address.to_string(), "in_flight": in_flight }), dir.path())?;
    let shared = Arc::clone(&driver);
    let build: NetworkFactory = Arc::new(move |_| Ok(Element::Network(shared.clone())));
    let began = Instant::now();
    let running = drain::start_with(Arc::new(store), build, true).await?;
    drain::wait_for_all(&copy).await?;
    let rate = drain::per_second(tickets, began);
    running.stop().await;
    all_carried_out(&copy)?;
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let each = driver.operations() as f64 / tickets as f64;
    Ok((rate, each))
}

/// Fails when a ticket has ended in another way.
fn all_carried_out(database: &Path) -> Result<()> {
    let failed: u64 = rusqlite::Connection::open(database)?.query_row(
        "SELECT count(*) FROM ticket WHERE state <> 'completed'",
        [],
        |row| row.get(0),
    )?;
    ensure!(failed == 0, "{failed} tickets were not carried out");
    Ok(())
}
