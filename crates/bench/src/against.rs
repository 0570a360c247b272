//! Two builds in one run: `queryService` of another `provisor` and of this one, in turn with the floor. Whatever else the
//! machine does meanwhile is done to all three.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use crate::http::{GROUP, measure, queries};
use crate::load::Load;
use crate::process::Server;
use crate::world::{PASSWORD, Worlds};
use crate::{Size, report};

/// Measures this build and the one at `program`, and prints.
pub(crate) fn run(worlds: &Worlds, size: &Size, program: &Path) -> Result<()> {
    report::heading(&format!("queryService, {} connections", size.connections));
    let copy = worlds.fresh.with_file_name("against.db");
    std::fs::copy(&worlds.fresh, &copy)?;
    let servers = [
        ("floor", Server::floor()?),
        ("the other build", Server::build(program, &copy, GROUP)?),
        ("this build", Server::provisor(&worlds.fresh, GROUP)?),
    ];
    let mut rates = [const { Vec::new() }; 3];
    let mut cpus = [const { Vec::new() }; 3];
    let mut turns = [0, 1, 2];
    for _ in 0..size.rounds {
        for at in turns {
            let server = &servers[at].1;
            let requests = queries(PASSWORD.to_owned(), size.services);
            let addresses = vec![server.address];
            let load = Load { addresses, requests, next: Arc::default() };
            let (rate, cpu) = measure(server, &load, size)?;
            rates[at].push(rate.per_second);
            cpus[at].push(cpu);
        }
        // The builds take turns at being first.
        turns[1..].reverse();
    }
    for (at, (name, _)) in servers.iter().enumerate() {
        report::figure(name, report::median(&rates[at]), "requests/s");
        report::figure(&format!("{name}, server CPU a request"), report::median(&cpus[at]), "us");
    }
    // Of each round by itself: a slow one is slow for all.
    let shares = |at: usize| -> Vec<f64> {
        rates[at].iter().zip(&rates[0]).map(|(rate, floor): (&f64, &f64)| rate / floor).collect()
    };
    report::ratio("the other build / floor", report::median(&shares(1)), 0.55);
    report::ratio("this build / floor", report::median(&shares(2)), 0.55);
    Ok(())
}
