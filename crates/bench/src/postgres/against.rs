//! Two builds on one database: `queryService` and `connectService` of a node of another `provisor` and of one of this build, in
//! turn with the floor, and with who comes first.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::{Places, floors};
use crate::Size;
use crate::http::{GROUP, connects, measure, queries};
use crate::load::{Load, Requests};
use crate::process::{Server, sibling};
use crate::report::{self, Rounds};
use crate::world::{PASSWORD, Worlds};

const FLOOR: &str = "floor";
const OTHER: &str = "the other build";
const THIS: &str = "this build";
const QUERY: &str = "queryService";
const CONNECT: &str = "connectService";

/// What is sent, and what came of it.
struct Bench<'a> {
    size: &'a Size,
    query: Requests,
    connect: Requests,
    rounds: Rounds,
}

/// Measures this build and the one at `program`, and prints.
pub(crate) fn run(places: &Places, worlds: &Worlds, size: &Size, program: &Path) -> Result<()> {
    report::heading(&format!("on PostgreSQL, {} connections", size.connections));
    // The network is down: what is measured is the order, not what carrying it out costs beside it.
    std::fs::write(worlds.fresh.with_file_name("down"), "")?;
    let mut bench = Bench {
        size,
        query: queries(PASSWORD.to_owned(), size.services),
        connect: connects(worlds.credential.clone(), size.services),
        rounds: Rounds::default(),
    };
    let (floor, this) = (Server::floor()?, sibling("provisor")?);
    let mut costs = Vec::new();
    let mut builds = [(OTHER, program), (THIS, this.as_path())];
    for _ in 0..size.rounds {
        bench.load(QUERY, FLOOR, &floor, &bench.query.clone())?;
        for (name, program) in builds {
            let dir = worlds.fresh.with_file_name(format!("{}-node", places.fresh.name));
            let node = Server::node_of(program, &places.fresh.url, GROUP, &dir)?;
            bench.load(QUERY, name, &node, &bench.query.clone())?;
            places.fresh.run("SELECT pg_stat_statements_reset()");
            bench.load(CONNECT, name, &node, &bench.connect.clone())?;
            drop(node);
            costs = places.fresh.table(floors::COSTS);
            floors::forget(&places.fresh);
        }
        // Who comes second finds what the first one left in tables and caches.
        builds.reverse();
    }
    bench.print();
    report::heading("what cost most in the last connects: ms, calls, rows");
    for line in costs {
        println!("  {line}");
    }
    Ok(())
}

fn of(what: &str, who: &str) -> String {
    format!("{what}, {who}")
}

impl Bench<'_> {
    fn load(&mut self, what: &str, who: &str, server: &Server, requests: &Requests) -> Result<()> {
        let addresses = vec![server.address];
        let load = Load { addresses, requests: requests.clone(), next: Arc::default() };
        let (rate, cpu) = measure(server, &load, self.size)?;
        self.rounds.add(&of(what, who), rate.per_second, "requests/s");
        self.rounds.add(&format!("{}, server CPU a request", of(what, who)), cpu, "us");
        Ok(())
    }

    fn print(&self) {
        self.rounds.print();
        for (what, one, other) in [
            (QUERY, OTHER, FLOOR),
            (QUERY, THIS, FLOOR),
            (QUERY, THIS, OTHER),
            (CONNECT, THIS, OTHER),
        ] {
            let ratio = self.rounds.ratio(&of(what, one), &of(what, other));
            report::figure(&format!("{what}, {one} / {other}"), ratio, "x");
        }
    }
}
