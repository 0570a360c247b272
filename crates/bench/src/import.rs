//! An import beside a running server: how much slower orders become while it lasts, and how long it takes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::http::{GROUP, connects};
use crate::load::{self, Enough, Load, Rate};
use crate::process::{self, Server};
use crate::world::{self, Worlds};
use crate::{Size, report};

/// Connections besides the one of a client that sends order after order.
const MANY: usize = 16;

/// Measures, and prints.
pub(crate) fn run(worlds: &Worlds, size: &Size) -> Result<()> {
    report::heading(&format!("import of {} rows beside a server", size.rows));
    let database = worlds.fresh.with_file_name("import.db");
    std::fs::copy(&worlds.fresh, &database)?;
    let server = Server::provisor(&database, GROUP)?;
    let load = Load {
        addresses: vec![server.address],
        requests: connects(worlds.credential.clone(), size.services),
        next: Arc::new(AtomicUsize::new(0)),
    };
    let file = worlds.fresh.with_file_name("stock.csv");
    let mut first = size.services + size.sims;
    let mut import = || -> Result<Child> {
        write_rows(&file, first, size.rows)?;
        first += size.rows;
        start(&file, &database)
    };
    let began = import().map(|child| (child, Instant::now()))?;
    let alone = finish(began)?;
    report::figure("import alone", alone, "s");
    for connections in [1, MANY] {
        let before = load::run(&load, connections, size.period())?;
        let child = import()?;
        let (during, took) = beside(&load, connections, child)?;
        let name = |what: &str| format!("{what}, {connections} connections");
        for (when, rate) in [("without an import", &before), ("during an import", &during)] {
            report::figure(&name(&format!("connectService {when}")), rate.per_second, "requests/s");
            report::figure(&name("p50"), report::millis(rate.p50), "ms");
            report::figure(&name("p99"), report::millis(rate.p99), "ms");
            report::figure(&name("longest"), report::millis(rate.max), "ms");
        }
        report::figure(&name("import beside it"), took, "s");
    }
    Ok(())
}

/// Sends `load` for as long as the import takes; answers what it came to and the import's seconds.
fn beside(load: &Load, connections: usize, child: Child) -> Result<(Rate, f64)> {
    let ended = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let waiting = {
        let ended = ended.clone();
        std::thread::spawn(move || {
            let took = finish((child, began));
            ended.store(true, Ordering::Relaxed);
            took
        })
    };
    let enough: Enough = Arc::new(move || ended.load(Ordering::Relaxed));
    let rate = load::run_until(load, connections, &enough);
    let took = waiting.join().ok().context("the import's thread panicked")??;
    Ok((rate?, took))
}

fn start(file: &Path, database: &Path) -> Result<Child> {
    let url = format!("sqlite://{}", database.display());
    let mut command = Command::new(process::sibling("provisor")?);
    command.args(["sim", "import"]).arg(file).args(["--database", &url]);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Waits for the import's end; answers the seconds since it began.
fn finish((mut child, began): (Child, Instant)) -> Result<f64> {
    let ended = child.wait()?;
    ensure!(ended.success(), "the import failed: {ended}");
    Ok(began.elapsed().as_secs_f64())
}

/// Writes a file of `count` SIMs from number `first` on.
fn write_rows(path: &Path, first: usize, count: usize) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "iccid,imsi,msisdn,customer")?;
    for number in first..first + count {
        let (iccid, cli) = (world::iccid(number), world::cli(number));
        let customer = world::customer(number);
        writeln!(file, "{iccid},{},{cli},{customer}", world::imsi(number))?;
    }
    Ok(file.flush()?)
}
