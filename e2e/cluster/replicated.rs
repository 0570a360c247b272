//! What a synchronous standby does not have is not acknowledged, also where the primary has it: after it was started anew
//! while a commit waited for the standby, everybody sees that commit.

use std::thread::{self, JoinHandle};

use crate::rig::*;

use super::failover::wait_for_standby;

const KEY: &str = "the-only-order";
/// Who waits for the standby and opens a ticket (which locks its batch), or confirms what there is (which touches no table).
const WAITING: &str = "SELECT pid::text FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND (
    EXISTS (SELECT FROM pg_locks WHERE pg_locks.pid = pg_stat_activity.pid AND locktype = 'advisory')
    OR NOT EXISTS (SELECT FROM pg_locks WHERE pg_locks.pid = pg_stat_activity.pid AND locktype = 'relation'))";

/// Until so many wait for the standby; nobody is answered meanwhile.
fn wait(primary: &Cluster, calls: &mut Vec<JoinHandle<Answer>>, count: usize) {
    eventually("the order to wait for the standby", || {
        if let Some(told) = calls.iter().position(JoinHandle::is_finished) {
            panic!("nobody may be told yet: {:?}", calls.swap_remove(told).join());
        }
        (primary.table(WAITING).len() == count).then_some(())
    });
}

#[test]
fn an_order_that_only_the_primary_has_is_acknowledged_when_the_standby_has_it() {
    let mut primary = Cluster::new(&[]);
    primary.run("CREATE DATABASE provisor");
    let mut standby = primary.standby();
    let world = World::at(&primary.url("provisor"), BASE);
    wait_for_standby(&primary);
    let nodes = [world.serve(), world.serve()];
    let [first, again] = nodes.each_ref().map(|node| {
        let mut alice = Caller::alice(node);
        // Whoever is known is not looked up later.
        assert_eq!(
            alice.call("getContracts", serde_json::json!({"customer": "1000000"})).status,
            200
        );
        move || alice.call_with_key("connectService", KEY, connect(SIM_1))
    });
    standby.stop(Stop::Immediate);
    let mut calls = vec![thread::spawn(first)];
    wait(&primary, &mut calls, 1);
    primary.stop(Stop::Immediate);
    primary.start();
    eventually("the other node to find the database", || {
        (nodes[1].client().get("/readyz").status == 200).then_some(())
    });
    calls.push(thread::spawn(again));
    wait(&primary, &mut calls, 2);
    standby.start();
    // Both know it now, unless the standby came later than they may wait.
    let told: Vec<Answer> = calls.into_iter().map(|call| call.join().expect("an answer")).collect();
    let ticket =
        Caller::alice(&nodes[0]).call_with_key("connectService", KEY, connect(SIM_1)).ticket();
    for answer in told {
        assert!(answer.status == 503 || answer.ticket() == ticket, "{ticket}: {answer:?}");
    }
}
