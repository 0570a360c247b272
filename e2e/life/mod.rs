//! Services from their connect to their final invoice, with the network and the books looked at on the way.

use serde_json::{Value, json};

use crate::rig::*;

fn by_code(code: &str) -> Value {
    json!({"service": {"code": code}})
}

fn with(mut members: Value, name: &str, value: &str) -> Value {
    members[name] = json!(value);
    members
}

fn status(alice: &mut Caller, code: &str) -> String {
    let answer = alice.call("queryService", by_code(code));
    answer.json()["service"]["nina"]["status_code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_service_lives_from_connect_to_final_invoice() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let code = alice.connect(SIM_OWN_NUMBER);
    let born = alice.nina(SIM_OWN_NUMBER);
    assert_eq!(born["name"], "Unit");
    assert_eq!(born["cli"], "07718123456", "the SIM's own number");
    assert_eq!(born["status_code"], "A");
    let bar = with(by_code(&code), "barCode", "AS_SUS_MSISDN");
    alice.done("addBar", bar.clone());
    assert_eq!(status(&mut alice, &code), "B");
    alice.done("removeBar", bar);
    assert_eq!(status(&mut alice, &code), "A");
    alice.done("changeServiceName", with(by_code(&code), "newName", "IMK Testing 2"));
    assert_eq!(alice.nina(SIM_OWN_NUMBER)["name"], "IMK Testing 2");
    assert!(world.cli(&["service", "close", &code]).code != Some(0), "a live one is not closed");
    assert_eq!(status(&mut alice, &code), "A");
    alice.done("disconnectService", by_code(&code));
    assert_eq!(status(&mut alice, &code), "S");
    assert_eq!(alice.call("disconnectService", by_code(&code)).code(), "302");
    world.cli(&["service", "close", &code]).succeeded();
    assert_eq!(status(&mut alice, &code), "C");
    world.cli(&["service", "close", &code]).succeeded();
    assert_eq!(alice.call("disconnectService", by_code(&code)).code(), "302");
}

#[test]
fn of_several_suspending_and_other_bars_the_last_suspending_one_counts() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let service = by_code(SERVICE_FLEET);
    alice.done("addBar", with(service.clone(), "barCode", "AS_BAR_SMS"));
    assert_eq!(status(&mut alice, SERVICE_FLEET), "A", "this bar does not suspend");
    alice.done("addBar", with(service.clone(), "barCode", "AS_SUS_MSISDN"));
    assert_eq!(status(&mut alice, SERVICE_FLEET), "B");
    alice.done("removeBar", with(service.clone(), "barCode", "AS_BAR_SMS"));
    assert_eq!(status(&mut alice, SERVICE_FLEET), "B");
    alice.done("removeBar", with(service, "barCode", "AS_SUS_MSISDN"));
    assert_eq!(status(&mut alice, SERVICE_FLEET), "A");
}

#[test]
fn a_bar_that_is_there_already_or_gone_already_completes_without_the_network() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    // The network of this service is down, so a ticket that needed it could not end.
    let stuck = with(by_code(SERVICE_STUCK), "barCode", "DOWN_SUS");
    alice.done("removeBar", stuck.clone());
    world.end_outage();
    alice.done("addBar", stuck.clone());
    world.file(OUTAGE_FILE, "");
    alice.done("addBar", stuck);
    alice.done("changeServiceName", with(by_code(SERVICE_STUCK), "newName", "Books only"));
}

#[test]
fn a_second_order_waits_for_nobody_it_is_refused() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let first = alice.call("disconnectService", by_code(SERVICE_STUCK)).ticket();
    assert_eq!(alice.ticket(&first)["status"], "Processing");
    assert_eq!(alice.call("disconnectService", by_code(SERVICE_STUCK)).code(), "101");
    let rename = with(by_code(SERVICE_STUCK), "newName", "x");
    assert_eq!(alice.call("changeServiceName", rename.clone()).code(), "101");
    world.end_outage();
    assert_eq!(alice.ended(&first)["status"], "Completed");
    assert_eq!(alice.call("changeServiceName", rename).code(), "302", "it is disconnected now");
}

#[test]
fn a_sim_of_a_disconnected_service_can_be_connected_again() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let first = alice.connect(SIM_OWN_NUMBER);
    assert_eq!(alice.call("connectService", connect(SIM_OWN_NUMBER)).code(), "402");
    alice.done("disconnectService", by_code(&first));
    let second = alice.connect(SIM_OWN_NUMBER);
    assert!(second.parse::<u64>().unwrap() > first.parse::<u64>().unwrap(), "codes count upward");
    assert_eq!(alice.nina(SIM_OWN_NUMBER)["code"], second, "the SIM selects the live service");
    alice.done("disconnectService", by_code(&second));
    assert_eq!(alice.nina(SIM_OWN_NUMBER)["code"], second, "else the newest");
    let by_number = alice.call("queryService", json!({"service": {"cli": "07718123456"}}));
    assert_eq!(by_number.json()["service"]["nina"]["code"], second);
}

#[test]
fn moving_to_another_sim_keeps_everything_but_the_sim() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let code = alice.connect(SIM_1);
    alice.done("addBar", with(by_code(&code), "barCode", "AS_SUS_MSISDN"));
    let before = alice.nina(SIM_1);
    alice.done("changeSIM", with(by_code(&code), "newSIM", SIM_2));
    let mut after = alice.nina(SIM_2);
    assert_eq!(after["sim"], SIM_2);
    after["sim"] = before["sim"].clone();
    assert_eq!(after, before, "code, name, number, status stay");
    assert_eq!(alice.call("queryService", json!({"service": {"sim": SIM_1}})).code(), "400");
    assert_eq!(
        alice.call("connectService", connect(SIM_1)).code(),
        "402",
        "the old one is retired"
    );
    let back = with(by_code(&code), "newSIM", SIM_1);
    assert_eq!(alice.call("changeSIM", back).code(), "402", "for ever");
    let to_used = with(by_code(&code), "newSIM", SIM_FLEET);
    assert_eq!(alice.call("changeSIM", to_used).code(), "402", "in use");
}

#[test]
fn a_sim_change_locks_both_sims() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.call("changeSIM", with(by_code(SERVICE_STUCK), "newSIM", SIM_2)).ticket();
    assert_eq!(alice.call("connectService", connect(SIM_2)).code(), "101");
    let other = with(by_code(SERVICE_FLEET), "newSIM", SIM_2);
    assert_eq!(alice.call("changeSIM", other).code(), "101");
}

#[test]
fn bolt_ons_and_templates_are_carried_out() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let bolton = with(by_code(SERVICE_FLEET), "boltonCode", "AS_BO_ROAM");
    for method in ["addBolton", "addBolton", "removeBolton", "removeBolton"] {
        alice.done(method, bolton.clone());
    }
    let template = with(by_code(SERVICE_FLEET), "templateCode", "AS_SMALL");
    alice.done("applyTemplate", template.clone());
    alice.done("applyTemplate", template);
}

#[test]
fn numbers_come_from_the_range_and_rest_after_a_disconnect() {
    let range = "number_range = [\"07700900000\", \"07700900999\"]";
    let world =
        World::with(&BASE.replace(range, "number_range = [\"07700900000\", \"07700900001\"]"));
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let first = alice.connect(SIM_1);
    let second = alice.connect(SIM_2);
    let number =
        |alice: &mut Caller, sim: &str| alice.nina(sim)["cli"].as_str().unwrap().to_owned();
    let mut given = [number(&mut alice, SIM_1), number(&mut alice, SIM_2)];
    given.sort();
    assert_eq!(given, ["07700900000", "07700900001"]);
    // Both are taken; one of them resting does not make it free.
    alice.done("disconnectService", by_code(&first));
    let id = alice.call("connectService", connect(SIM_3)).ticket();
    // An order is not lost for want of a number: it waits, and the operator can see what for.
    eventually("the ticket to say what it waits for", || {
        let shown = world.cli(&["ticket", "show", &id]).succeeded().stdout;
        shown.contains("no number of the network's range is free").then_some(())
    });
    assert_eq!(alice.ticket(&id)["status"], "Processing");
    assert_eq!(status(&mut alice, &second), "A");
    // A longer range goes on where the shorter one ended.
    world.apply(BASE);
    let ticket = alice.ended(&id);
    assert_eq!((&ticket["status"], &ticket["cli"]), (&json!("Completed"), &json!("07700900002")));
}

#[test]
fn what_the_network_refuses_for_good_fails_and_leaves_everything_as_it_was() {
    let network = "[[network]]\ncode = \"NO\"\ndriver = \"simulated\"\n\
                   failures = { permanent = 1.0 }\n\
                   [[tariff]]\ncode = \"TNO\"\nname = \"x\"\nnetwork = \"NO\"\n";
    let world = World::new();
    world.apply(network);
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let mut members = connect(SIM_1);
    members["tariffCode"] = json!("TNO");
    members["APNCodes"] = json!(null);
    let id = alice.call("connectService", members).ticket();
    let ticket = alice.ended(&id);
    assert_eq!(ticket["status"], "Failed", "{ticket}");
    assert!(ticket["finished"].is_string() && ticket["errorMessage"].is_string(), "{ticket}");
    alice.connect(SIM_1);
}

#[test]
fn faults_of_the_network_that_pass_are_not_seen_by_the_caller() {
    let network = "driver = \"simulated\"\nnumber_range";
    let shaky = "driver = \"simulated\"\nfailures = { transient = 0.2, done_but_not_reported = 0.2 }\n\
                 number_range";
    let world = World::with(&BASE.replacen(network, shaky, 1));
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    for sim in [SIM_1, SIM_2, SIM_3] {
        let code = alice.connect(sim);
        alice.done("addBar", with(by_code(&code), "barCode", "AS_SUS_MSISDN"));
        assert_eq!(status(&mut alice, &code), "B");
        alice.done("disconnectService", by_code(&code));
        assert_eq!(status(&mut alice, &code), "S");
    }
}
