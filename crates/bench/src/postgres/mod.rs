//! The same on PostgreSQL: the worlds are built in files as always and brought over as `provisor copy` does it, to a server
//! of our own, on which the floors are measured too.

pub(crate) mod against;
pub(crate) mod drain;
mod ends;
#[path = "../../../store/examples/postgres/floors.rs"]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a measurement stops when it fails")]
mod floors;
pub(crate) mod http;
#[path = "../../../store/tests/it/postgres/rig.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a measurement stops when it fails")]
mod rig;

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use provisor_store::copy;

use crate::world::Worlds;
use crate::{Size, report};

/// Numbers of nodes, or of workers.
const MANY: [usize; 3] = [1, 2, 4];
/// The digits of the first service's number behind 447, as the floors ask for it (see [`crate::world::cli`]).
const FIRST_LIVE: usize = 700_000_000;
/// More finished tickets than these may cost more.
const MILLION: usize = 1_000_000;

/// The worlds' databases.
#[derive(Debug)]
pub(crate) struct Places {
    fresh: rig::Database,
    aged: rig::Database,
}

impl Places {
    fn both(&self) -> [(&'static str, &rig::Database); 2] {
        [("no finished tickets", &self.fresh), ("finished tickets", &self.aged)]
    }
}

/// Starts the server and brings the worlds over.
pub(crate) async fn places(worlds: &Worlds) -> Result<Places> {
    report::heading("PostgreSQL");
    // Nobody has set it before: this is the only place.
    let _ = rig::SETTINGS.set(floors::SETTINGS);
    Ok(Places { fresh: place(&worlds.fresh).await?, aged: place(&worlds.aged).await? })
}

async fn place(from: &Path) -> Result<rig::Database> {
    let began = Instant::now();
    let database = rig::Database::new();
    let copied = copy::copy(from, &database.url, None, copy::LOOK_MAX, &mut |_| {}).await?;
    for sql in [floors::TABLES, "VACUUM ANALYZE", "CHECKPOINT"] {
        database.run(sql);
    }
    let rows: u64 = copied.tables.iter().map(|(_, rows)| rows).sum();
    let name = format!("{rows} rows brought over and compared");
    report::figure(&name, began.elapsed().as_secs_f64(), "s");
    Ok(database)
}

/// The live services' numbers.
fn live(size: &Size) -> Range<usize> {
    FIRST_LIVE..FIRST_LIVE + size.services
}

/// What share must be left with finished tickets.
fn aim_aged(size: &Size) -> f64 {
    if size.finished > MILLION { 0.8 } else { 0.85 }
}
