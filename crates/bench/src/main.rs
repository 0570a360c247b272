//! Benchmarks of provisor. Every figure is a ratio to a floor that was measured in the same run, in turn with it:
//! absolute figures of a shared machine mean little. `just bench` builds and runs it; docs/benchmarks.md explains it.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod against;
mod drain;
mod floor;
mod http;
mod import;
mod load;
mod osmo_hlr;
mod portal;
mod postgres;
mod process;
mod report;
mod world;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand, ValueEnum};

/// Measures provisor against floors in the same run.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    size: Size,
}

/// What to measure; all of it when nothing is named.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
enum What {
    /// queryService and connectService over HTTP.
    Http,
    /// access status and pack enable of the Simple Portal face.
    Portal,
    /// What an import of SIMs and a server beside it do to each other.
    Import,
    /// Carrying tickets out, and from the order to the driver's call.
    Drain,
    /// Connects at a real osmo-hlr, which must be installed. Only when it is named.
    OsmoHlr,
    /// What another network's tickets see of a real osmo-hlr that dies, hangs and loses answers. Only when it is named.
    OsmoHlrFaults,
    /// queryService of another build and of this one, in turn: what a change brought. On PostgreSQL connectService, too.
    Against {
        /// The other build's `provisor`.
        program: PathBuf,
    },
    /// The bare server that the HTTP figures are compared with (used by `http`).
    #[command(hide = true)]
    Floor,
}

/// Where the worlds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    /// In files.
    Sqlite,
    /// On a server that is started for it, from Debian's binaries: `http`, `drain` and `against`.
    Postgres,
}

/// How large the world is and how long each measurement takes.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Size {
    /// Which store is measured.
    #[arg(long, global = true, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// SIMs in stock.
    #[arg(long, global = true, default_value_t = 1_000_000)]
    sims: usize,
    /// Live services.
    #[arg(long, global = true, default_value_t = 100_000)]
    services: usize,
    /// Portal customers.
    #[arg(long, global = true, default_value_t = 50_000)]
    portal_customers: usize,
    /// Finished tickets in the second world.
    #[arg(long, global = true, default_value_t = 1_000_000)]
    finished: usize,
    /// Rows of one import.
    #[arg(long, global = true, default_value_t = 1_000_000)]
    rows: usize,
    /// Tickets of one drain.
    #[arg(long, global = true, default_value_t = 100_000)]
    tickets: usize,
    /// Rounds; medians are shown.
    #[arg(long, global = true, default_value_t = 3)]
    rounds: usize,
    /// Seconds of one HTTP measurement.
    #[arg(long, global = true, default_value_t = 3)]
    seconds: u64,
    /// Keep-alive connections.
    #[arg(long, global = true, default_value_t = 64)]
    connections: usize,
    /// Where the worlds are built; a temporary folder when it is not named.
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
}

impl Size {
    fn period(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    if matches!(args.what, Some(What::Floor)) {
        return floor::serve();
    }
    let temporary = tempfile::tempdir()?;
    let dir = args.size.dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let wanted = |what| args.what.as_ref().is_none_or(|only| *only == what);
    let on_postgres = args.size.database == Database::Postgres;
    let against = match &args.what {
        Some(What::Against { program }) => Some(program),
        _ => None,
    };
    if on_postgres && against.is_none() && !wanted(What::Http) && !wanted(What::Drain) {
        bail!("only http, drain and against are measured on PostgreSQL");
    }
    let worlds = runtime.block_on(world::build(&dir, &args.size))?;
    if on_postgres {
        let places = runtime.block_on(postgres::places(&worlds))?;
        // First: it takes away what it has opened, while drained tickets stay.
        if wanted(What::Http) {
            postgres::http::run(&places, &worlds, &args.size)?;
        }
        if wanted(What::Drain) {
            runtime.block_on(postgres::drain::run(&places, &args.size))?;
        }
        if let Some(program) = against {
            postgres::against::run(&places, &worlds, &args.size, program)?;
        }
        return Ok(());
    }
    if wanted(What::Drain) {
        runtime.block_on(drain::run(&worlds, &args.size))?;
    }
    if args.what == Some(What::OsmoHlr) {
        runtime.block_on(osmo_hlr::run(&worlds, &args.size))?;
    }
    if args.what == Some(What::OsmoHlrFaults) {
        runtime.block_on(osmo_hlr::faults::run(&worlds, &args.size))?;
    }
    drop(runtime);
    if wanted(What::Import) {
        import::run(&worlds, &args.size)?;
    }
    // Before `http`, whose servers are killed: their databases are not to be copied.
    if wanted(What::Portal) {
        portal::run(&worlds, &args.size)?;
    }
    if wanted(What::Http) {
        http::run(&worlds, &args.size)?;
    }
    if let Some(program) = against {
        against::run(&worlds, &args.size, program)?;
    }
    Ok(())
}
