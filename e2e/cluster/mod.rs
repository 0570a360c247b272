//! Three nodes on one PostgreSQL database, under load and under a nemesis that kills, freezes and restarts them, cuts and
//! holds up their connections, and restarts the database server; and a server that is replaced by its standby, over and
//! over. Afterwards the history of what the clients were told is held against the books, the network and the mail system
//! ([`history`]).
//!
//! `PROVISOR_CLUSTER_SECONDS` says how long the nemesis is at work (300 unless set), `PROVISOR_CLUSTER_SEED` which plan it
//! has (1), `PROVISOR_FAILOVERS` how many times the server is replaced (10).

mod clients;
mod failover;
mod history;
mod nemesis;
mod nodes;
mod replicated;

use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::crash::{Chance, Size, catalogue};
use crate::rig::*;
use clients::Clients;
use nemesis::Nemesis;
use nodes::Nodes;

/// How long the nemesis is at work, in seconds.
const SECONDS_DEFAULT: u64 = 300;
const SEED_DEFAULT: u64 = 1;
const CLIENTS: usize = 6;
/// How long the last tickets may take when peace has come: a lease, and the longer delays of those that met several faults.
const LAST_TICKET_WITHIN: Duration = Duration::from_mins(4);
const SIZE: Size = Size { sims: 200, portal_customers: 80 };
/// So that the moment of each commit is known afterwards.
const SETTINGS: [&str; 1] = ["track_commit_timestamp=on"];

fn setting<T: FromStr>(name: &str, default: T) -> T {
    let set = std::env::var(name).ok();
    set.map_or(default, |value| value.parse().ok().unwrap_or_else(|| panic!("{name}={value}")))
}

/// The catalogue of the crash test, with a network that writes every command down, and with patience: frozen nodes hold
/// the files of the simulated networks up.
fn books(seed: u64) -> String {
    let toml = catalogue(seed, SIZE).replace("deadline_ms = 600", "deadline_ms = 1000");
    let logging = "driver = \"simulated\"\nlog = true\n";
    toml.replacen("driver = \"simulated\"\n", logging, 1)
}

/// How long a stale command may stand: until the network is compared with the books, and then mended.
const REPAIRED_WITHIN: Duration = Duration::from_mins(8);

/// Waits until all nodes take orders and carry them out, every ticket has ended, and what came late is repaired.
fn peace(nodes: &Nodes, world: &World) {
    nodes.all_ready();
    eventually_within(LAST_TICKET_WITHIN, "every ticket to end", || {
        let open = "SELECT id FROM ticket WHERE finished_at IS NULL AND state <> 'unknown' LIMIT 1";
        world.books().rows(open).is_empty().then_some(())
    });
    eventually_within(REPAIRED_WITHIN, "stale commands to be repaired", || {
        history::is_repaired(world).then_some(())
    });
}

#[test]
#[expect(clippy::print_stderr, reason = "a long run says what it has done")]
fn nothing_is_lost_and_nothing_is_done_twice_whatever_happens_to_nodes_and_server() {
    let seed = setting("PROVISOR_CLUSTER_SEED", SEED_DEFAULT);
    let span = Duration::from_secs(setting("PROVISOR_CLUSTER_SECONDS", SECONDS_DEFAULT));
    let cluster = Cluster::new(&SETTINGS);
    cluster.run("CREATE DATABASE provisor");
    let world = World::at(&cluster.url("provisor"), &books(seed));
    let clients = Clients::new(SIZE, world.credential("alice", &[]));
    let nodes = Nodes::start(
        &world,
        3,
        |proxy| format!("postgres://provisor@{proxy}/provisor"),
        &[(cluster.host(), 5_432).into()],
    );
    let mut nemesis = Nemesis::new(seed, &nodes, cluster);
    let until = Instant::now() + span;
    std::thread::scope(|scope| {
        let _ordering = clients.until_dropped();
        for client in 0..CLIENTS {
            let (clients, nodes) = (&clients, &nodes);
            let chance = Chance::new(seed * 1_000 + client as u64);
            scope.spawn(move || clients.order(nodes, chance));
        }
        nemesis.work(until, || clients.answers());
    });
    let (deeds, frozen) = nemesis.end();
    // In a short run not everything happens, and nobody need have lost a ticket to another one.
    let long = span >= Duration::from_secs(SECONDS_DEFAULT);
    if long {
        nemesis.shows_all_deeds();
    }
    clients.settle(&nodes);
    peace(&nodes, &world);
    nodes.none_ended_by_itself();
    nodes.stop();
    let report = history::check(&world, &clients, &frozen);
    eprintln!("{deeds}\n{report}");
    report.shows_load(200);
    if long {
        report.shows_takeovers();
    }
}
