//! Nodes that divide the work: some take orders, some carry them out.

use serde_json::json;

use super::node;
use crate::rig::*;

/// What `/readyz` says once it is settled.
fn readiness(node: &Server) -> serde_json::Value {
    let mut http = node.client();
    eventually("the node to be ready", || {
        let answer = http.get("/readyz");
        (answer.status == 200).then(|| answer.json())
    })
}

#[test]
fn one_node_takes_orders_and_another_one_carries_them_out() {
    let world = World::on_postgres_with(BASE);
    let api = node(&world, &["--role", "api"]);
    let mut alice = Caller::alice(&api);
    let waiting = alice.call("connectService", connect(SIM_1)).ticket();
    assert_eq!(alice.ticket(&waiting)["status"], "Processing");
    assert_eq!(readiness(&api)["engine"], "elsewhere");

    let worker = node(&world, &["--role", "worker"]);
    assert_eq!(alice.ended(&waiting)["status"], "Completed");
    alice.connect(SIM_2);
    assert_eq!(readiness(&worker)["engine"], "ok");
    // It answers for its health, and for nothing else.
    assert_eq!(worker.client().post("/v1/getContracts", "{}").status, 404);
}

#[test]
fn a_network_is_left_to_the_node_that_has_it() {
    let world = World::on_postgres_with(BASE);
    let elsewhere = node(&world, &["--network", "NOWHERE"]);
    let mut alice = Caller::alice(&elsewhere);
    let waiting = alice.call("connectService", connect(SIM_1)).ticket();
    let here = node(&world, &["--network", "AS"]);
    assert_eq!(alice.ended(&waiting)["status"], "Completed");
    let nina = Caller::alice(&here).nina(SIM_1);
    assert_eq!(nina["status_code"], "A");
    // Whoever is asked sees the network.
    let answer = alice.call("queryService", json!({"service": {"sim": SIM_1}}));
    assert_eq!(answer.json()["service"]["network"]["status"], "active");
    // A name that the catalogue does not have may be misspelled.
    let warning = |node: &Server| {
        let log = node.output().stderr();
        log.lines().find(|line| line.contains("no such network")).map(str::to_owned)
    };
    assert!(warning(&elsewhere).is_some_and(|line| line.contains("NOWHERE")));
    assert_eq!(warning(&here), None);
}
