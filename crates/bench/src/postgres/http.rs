//! The HTTP figures with 1, 2 and 4 nodes on one database, in turn with the bare handler and with `pgbench`.

use std::sync::Arc;

use anyhow::Result;

use super::{MANY, Places, aim_aged, floors, live, rig};
use crate::Size;
use crate::http::{GROUP, connects, measure, queries};
use crate::load::{Load, Requests};
use crate::process::Server;
use crate::report::{self, Rounds};
use crate::world::{PASSWORD, Worlds};

const FLOOR: &str = "floor: bare axum handler with credential look-up";
const FIND: &str = "floor: pgbench, find in one statement, 16 clients";
const RAISE: &str = "floor: pgbench, raise in one statement, 16 clients";
const ORDER: &str = "floor: pgbench, an order's rows in one statement, 16 clients";
const SINGLE: &str = "connectService, group of one";
const QUERY_AGED: &str = "queryService, with finished tickets";
const CONNECT_AGED: &str = "connectService, with finished tickets";

fn query_of(nodes: usize) -> String {
    format!("queryService, nodes: {nodes}")
}

fn connect_of(nodes: usize) -> String {
    format!("connectService, nodes: {nodes}")
}

/// What is sent, and by whom it is answered.
struct Bench<'a> {
    size: &'a Size,
    worlds: &'a Worlds,
    query: Requests,
    connect: Requests,
    rounds: Rounds,
}

/// Measures, and prints.
pub(crate) fn run(places: &Places, worlds: &Worlds, size: &Size) -> Result<()> {
    report::heading(&format!(
        "HTTP on PostgreSQL, {} connections, {} rounds of {} s each, medians",
        size.connections, size.rounds, size.seconds
    ));
    // The network is down: what is measured is the order, not what carrying it out costs beside it.
    std::fs::write(worlds.fresh.with_file_name("down"), "")?;
    let mut bench = Bench {
        size,
        worlds,
        query: queries(PASSWORD.to_owned(), size.services),
        connect: connects(worlds.credential.clone(), size.services),
        rounds: Rounds::default(),
    };
    let floor = Server::floor()?;
    for _ in 0..size.rounds {
        bench.round(&floor, places)?;
    }
    bench.print();
    Ok(())
}

impl Bench<'_> {
    fn round(&mut self, floor: &Server, Places { fresh, aged }: &Places) -> Result<()> {
        let (size, live) = (self.size, live(self.size));
        self.load(FLOOR, std::slice::from_ref(floor), self.query.clone())?;
        let found = floors::find(fresh, live.clone(), size.period());
        self.rounds.add(FIND, found, "/s");
        let raised = floors::raise(fresh, live.clone(), size.period());
        self.rounds.add(RAISE, raised, "/s");
        let ordered = floors::order(fresh, live, size.period());
        floors::forget(fresh);
        self.rounds.add(ORDER, ordered, "/s");
        for count in MANY {
            let nodes = self.nodes(fresh, count, GROUP)?;
            self.load(&query_of(count), &nodes, self.query.clone())?;
            self.orders(&connect_of(count), nodes, fresh)?;
        }
        let single = self.nodes(fresh, 1, 1)?;
        self.orders(SINGLE, single, fresh)?;
        let nodes = self.nodes(aged, 1, GROUP)?;
        self.load(QUERY_AGED, &nodes, self.query.clone())?;
        self.orders(CONNECT_AGED, nodes, aged)
    }

    /// Nodes on `database`.
    fn nodes(&self, database: &rig::Database, count: usize, group: usize) -> Result<Vec<Server>> {
        let node = |number: usize| {
            // What a node remembers of one database it must not meet with another one.
            let dir = format!("{}-node{number}", database.name);
            let dir = self.worlds.fresh.with_file_name(dir);
            Server::node(&database.url, group, &dir)
        };
        (0..count).map(node).collect()
    }

    /// Connects SIMs by `nodes`, which end with it, and takes the open tickets away: each configuration finds the same.
    fn orders(&mut self, name: &str, nodes: Vec<Server>, database: &rig::Database) -> Result<()> {
        self.load(name, &nodes, self.connect.clone())?;
        drop(nodes);
        floors::forget(database);
        Ok(())
    }

    fn load(&mut self, name: &str, nodes: &[Server], requests: Requests) -> Result<()> {
        let addresses = nodes.iter().map(|node| node.address).collect();
        let load = Load { addresses, requests, next: Arc::default() };
        let (rate, _) = measure(&nodes[0], &load, self.size)?;
        self.rounds.add(name, rate.per_second, "requests/s");
        self.rounds.add(&format!("{name}, p50"), report::millis(rate.p50), "ms");
        self.rounds.add(&format!("{name}, p99"), report::millis(rate.p99), "ms");
        Ok(())
    }

    fn print(&self) {
        self.rounds.print();
        let (query, connect) = (query_of(1), connect_of(1));
        let aged = aim_aged(self.size);
        for (name, of, to, aim) in [
            ("queryService / floor", query.as_str(), FLOOR, 0.45),
            ("connectService / pgbench raise", &connect, RAISE, 1.4),
            ("connectService / group of one", &connect, SINGLE, 2.5),
            ("queryService with finished tickets / without", QUERY_AGED, &query, aged),
            ("connectService with finished tickets / without", CONNECT_AGED, &connect, aged),
        ] {
            report::ratio(name, self.rounds.ratio(of, to), aim);
        }
        for (name, of, to) in [
            ("queryService / pgbench find", &query, FIND),
            ("connectService / pgbench, an order's rows", &connect, ORDER),
        ] {
            report::figure(name, self.rounds.ratio(of, to), "x");
        }
        for count in &MANY[1..] {
            for (name, of, to) in [
                ("queryService", query_of(*count), &query),
                ("connectService", connect_of(*count), &connect),
            ] {
                let name = format!("{name}, {count} nodes / 1 node");
                report::figure(&name, self.rounds.ratio(&of, to), "x");
            }
        }
    }
}
