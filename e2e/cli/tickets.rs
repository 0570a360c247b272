//! `provisor ticket list|show|retry|cancel` and `provisor service close`, beside a running server and without one.

use serde_json::{Value, json};

use crate::rig::*;

fn json_of(world: &World, args: &[&str]) -> Value {
    let ran = world.cli(args).succeeded();
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn stuck(alice: &mut Caller) -> String {
    alice.call("disconnectService", json!({"service": {"code": SERVICE_STUCK}})).ticket()
}

/// Runs a command on a ticket that waits. While an attempt at it is under way it is left as it is, and the operator is told so.
fn on_waiting(world: &World, args: &[&str]) {
    eventually("the ticket to wait", || {
        let ran = world.cli(args);
        assert!(ran.code == Some(0) || ran.stderr.contains("running at this moment"), "{ran:?}");
        (ran.code == Some(0)).then_some(())
    });
}

#[test]
fn tickets_are_listed_for_people_and_for_scripts() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let open = stuck(&mut alice);
    let done = alice.done("connectService", connect(SIM_1));
    let listed = world.cli(&["ticket", "list"]).succeeded().stdout;
    assert!(listed.contains(&open) && listed.contains(&done), "{listed}");
    assert!(!listed.contains('\u{1b}'), "colours are for terminals: {listed:?}");
    let all = json_of(&world, &["ticket", "list", "--json"]);
    let ids: Vec<_> = all.as_array().expect("a list").iter().map(|t| t["id"].to_string()).collect();
    let position = |id: &str| ids.iter().position(|listed| listed.trim_matches('"') == id);
    assert!(position(&done) < position(&open), "newest first: {ids:?}");
    let completed = json_of(&world, &["ticket", "list", "--json", "--state", "completed"]);
    let text = completed.to_string();
    assert!(text.contains(SIM_1) && !text.contains(SIM_STUCK), "{text}");
}

#[test]
fn a_ticket_is_shown_with_what_was_asked_and_tried() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let id = alice.done("connectService", connect(SIM_1));
    let people = world.cli(&["ticket", "show", &id]).succeeded().stdout;
    assert!(people.contains(SIM_1) && people.to_lowercase().contains("completed"), "{people}");
    let shown = json_of(&world, &["ticket", "show", &id, "--json"]);
    assert_eq!(shown["state"], "completed", "{shown}");
    assert_eq!(shown["kind"], "connect", "{shown}");
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1), "{shown}");
    let absent = world.cli(&["ticket", "show", "999999"]).failed();
    assert!(absent.stderr.contains("999999"), "{absent:?}");
}

#[test]
fn a_ticket_is_cancelled_and_its_sim_is_free_again() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let id = stuck(&mut alice);
    let waiting = alice.ticket(&id);
    assert!(waiting["errorMessage"].is_null(), "not the last word: {waiting}");
    on_waiting(&world, &["ticket", "cancel", &id, "--reason", "ordered\nby mistake"]);
    let ticket = alice.ended(&id);
    assert_eq!(ticket["status"], "Cancelled", "{ticket}");
    assert_eq!(ticket["errorMessage"], "ordered by mistake", "{ticket}");
    assert!(ticket["errorCode"].is_null(), "nothing failed: {ticket}");
    assert!(ticket["finished"].is_string(), "{ticket}");
    assert_eq!(alice.nina(SIM_STUCK)["status_code"], "A");
    stuck(&mut alice);
    world.cli(&["ticket", "cancel", &id]).failed();
    world.cli(&["ticket", "cancel", "999999"]).failed();
}

#[test]
fn a_ticket_that_waits_is_tried_at_once_when_an_operator_says_so() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let id = stuck(&mut alice);
    on_waiting(&world, &["ticket", "retry", &id]);
    world.end_outage();
    // May be running at this very moment; a ticket that is not waiting is not retried.
    let _either_way = world.cli(&["ticket", "retry", &id]);
    assert_eq!(alice.ended(&id)["status"], "Completed");
    let over = world.cli(&["ticket", "retry", &id]).failed();
    assert!(over.stderr.contains("completed"), "it says why: {over:?}");
}

#[test]
fn what_operators_do_without_a_server_is_there_when_it_starts() {
    let world = World::new();
    let mut server = world.serve();
    let mut alice = Caller::alice(&server);
    let id = stuck(&mut alice);
    server.kill();
    world.cli(&["service", "close", SERVICE_OFF]).succeeded();
    world.cli(&["user", "lock", "bob"]).succeeded();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    assert_eq!(alice.nina(SIM_OFF)["status_code"], "C");
    assert_eq!(alice.ticket(&id)["status"], "Processing", "an open ticket survives");
    Caller::new(&server, "bob", BOB_PASSWORD).soon("100");
}

#[test]
fn only_what_is_switched_off_is_closed_and_each_code_is_answered_for() {
    let world = World::new();
    let server = world.serve();
    let ran = world.cli(&["service", "close", SERVICE_OFF, SERVICE_FLEET, "4999999"]).failed();
    let told = format!("{}{}", ran.stdout, ran.stderr);
    for code in [SERVICE_FLEET, "4999999"] {
        assert!(told.contains(code), "{code} is not answered for: {told}");
    }
    let mut alice = Caller::alice(&server);
    assert_eq!(alice.nina(SIM_FLEET)["status_code"], "A");
}
