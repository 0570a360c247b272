//! One open ticket per SIM, whoever comes at the same moment (contract, section 0).

use std::sync::Barrier;

use serde_json::json;

use crate::rig::*;

const CLIENTS: usize = 64;

#[test]
fn of_64_clients_that_connect_one_sim_at_once_one_gets_a_ticket() {
    let world = World::new();
    // At a network that is down the first ticket stays open, so the others cannot be late.
    let server = world.serve();
    let credential = world.credential("alice", &[]);
    let start = Barrier::new(CLIENTS);
    let call = || {
        let mut alice = Caller::new(&server, "alice", &credential);
        alice.soon("ok");
        start.wait();
        let mut members = connect(SIM_1);
        members["tariffCode"] = json!("TDOWN");
        members["APNCodes"] = json!(null);
        alice.call("connectService", members).code()
    };
    let codes: Vec<String> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(call)).collect();
        calls.into_iter().map(|call| call.join().expect("no panic")).collect()
    });
    assert_eq!(codes.iter().filter(|code| *code == "ok").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "101").count(), CLIENTS - 1, "{codes:?}");
}

#[test]
fn of_64_different_orders_for_one_service_one_gets_a_ticket() {
    let world = World::new();
    let server = world.serve();
    let credential = world.credential("alice", &[]);
    let start = Barrier::new(CLIENTS);
    let call = |n: usize| {
        let mut alice = Caller::new(&server, "alice", &credential);
        alice.soon("ok");
        let service = json!({"code": SERVICE_STUCK});
        let (method, members) = match n % 3 {
            0 => ("disconnectService", json!({"service": service})),
            1 => ("addBar", json!({"service": service, "barCode": "DOWN_SUS"})),
            _ => ("changeServiceName", json!({"service": service, "newName": n.to_string()})),
        };
        start.wait();
        alice.call(method, members).code()
    };
    let codes: Vec<String> = std::thread::scope(|scope| {
        let call = &call;
        let calls: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(move || call(n))).collect();
        calls.into_iter().map(|call| call.join().expect("no panic")).collect()
    });
    // A rename does not need the network, so one may be over before the last one comes; but never are two open.
    let raised = codes.iter().filter(|code| *code == "ok").count();
    assert!(raised >= 1 && codes.iter().all(|code| code == "ok" || code == "101"), "{codes:?}");
    let open = world.cli(&["ticket", "list", "--json", "--state", "pending"]).succeeded();
    assert!(open.stdout.matches(SIM_STUCK).count() <= 1, "{open:?}");
}
