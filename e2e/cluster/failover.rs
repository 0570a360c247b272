//! The database server dies, or hangs, and its synchronous standby takes its place, over and over, under load. The nodes are told both
//! addresses and find the one that can be written to.

use std::time::{Duration, Instant};

use crate::crash::Chance;
use crate::rig::*;

use super::clients::Clients;
use super::nodes::Nodes;
use super::{CLIENTS, SETTINGS, SIZE, books, history, peace, setting};

const FAILOVERS_DEFAULT: usize = 10;
const SEED: u64 = 7;
/// How long a standby may take to have everything, on a slow machine.
const IN_SYNC_WITHIN: Duration = Duration::from_mins(2);
/// How long orders may take until they are accepted again.
const ACCEPTED_WITHIN: Duration = Duration::from_mins(2);
/// Of so many failovers one is because the server hangs.
const HANGS_EVERY: usize = 5;
/// Orders that are accepted between two failovers, at least.
const ORDERS_BETWEEN: usize = 30;

/// From here on a commit waits for the standby.
pub(super) fn wait_for_standby(primary: &Cluster) {
    primary.run("ALTER SYSTEM SET synchronous_standby_names = '*';\nSELECT pg_reload_conf()");
    eventually_within(IN_SYNC_WITHIN, "the standby to have everything", || {
        let synchronous =
            "SELECT sync_state::text FROM pg_stat_replication WHERE state = 'streaming'";
        (primary.table(synchronous) == ["sync"]).then_some(())
    });
}

#[test]
#[expect(clippy::print_stderr, reason = "a long run says what it has done")]
fn a_standby_takes_the_servers_place_again_and_again_and_nothing_is_lost() {
    let mut primary = Cluster::new(&SETTINGS);
    primary.run("CREATE DATABASE provisor");
    let mut standby = primary.standby();
    let servers = [&primary, &standby].map(|server| (server.host(), 5_432).into());
    let at = |hosts: String| {
        format!("postgres://provisor@{hosts}/provisor?target_session_attrs=read-write")
    };
    let direct = servers.map(|server: std::net::SocketAddr| server.to_string()).join(",");
    let world = World::at(&at(direct), &books(SEED));
    wait_for_standby(&primary);
    let clients = Clients::new(SIZE, world.credential("alice", &[]));
    let nodes = Nodes::start(&world, 2, at, &servers);
    let mut chance = Chance::new(SEED);
    let mut waits = Vec::new();
    std::thread::scope(|scope| {
        let _ordering = clients.until_dropped();
        for client in 0..CLIENTS {
            let (clients, nodes) = (&clients, &nodes);
            let chance = Chance::new(SEED * 1_000 + client as u64);
            scope.spawn(move || clients.order(nodes, chance));
        }
        for failover in 0..setting("PROVISOR_FAILOVERS", FAILOVERS_DEFAULT) {
            let calm = Instant::now();
            eventually_within(ACCEPTED_WITHIN, "orders to be accepted", || {
                (clients.accepted_since(calm) >= ORDERS_BETWEEN).then_some(())
            });
            // A server that hangs is found out after a while only.
            let how = match failover % HANGS_EVERY {
                0 => Stop::Hang,
                _ => [Stop::Fast, Stop::Immediate, Stop::Kill][chance.below(3)],
            };
            primary.stop(how);
            standby.promote();
            // Until it has a standby of its own, it must not wait for one.
            standby
                .run("ALTER SYSTEM SET synchronous_standby_names = '';\nSELECT pg_reload_conf()");
            let promoted = Instant::now();
            eventually_within(ACCEPTED_WITHIN, "orders to be accepted", || {
                (clients.accepted_since(promoted) > 0).then_some(())
            });
            waits.push((how, promoted.elapsed()));
            primary.follow(&standby);
            wait_for_standby(&standby);
            std::mem::swap(&mut primary, &mut standby);
        }
    });
    clients.settle(&nodes);
    peace(&nodes, &world);
    nodes.none_ended_by_itself();
    nodes.stop();
    let report = history::check(&world, &clients, &[]);
    report.shows_load(ORDERS_BETWEEN * waits.len());
    eprintln!("{} failovers; orders were accepted again after {waits:?}\n{report}", waits.len());
}
