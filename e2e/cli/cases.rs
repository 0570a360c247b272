//! `provisor case list|show|close`: the people's side of `raiseTicket`.

use serde_json::{Value, json};

use crate::rig::*;

fn json_of(world: &World, args: &[&str]) -> Value {
    let ran = world.cli(args).succeeded();
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn numbers(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|case| case["number"].to_string()).collect()
}

#[test]
fn a_support_case_is_read_by_people_closed_by_them_and_completed_for_its_raiser() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let file = json!({"name": "../letter.txt", "content": "SGVsbG8="});
    let about = json!({"ticketType": "PORT_IN", "message": "Bring\nit \u{1b}[31mover", "file": file,
        "service": {"code": SERVICE_FLEET}});
    let about = alice.call("raiseTicket", about).ticket();
    let question = json!({"ticketType": "QUESTION", "message": "Hello"});
    let question = alice.call("raiseTicket", question).ticket();
    assert_eq!(alice.ticket(&about)["status"], "Processing");

    let listed = world.cli(&["case", "list"]).succeeded().stdout;
    assert!(listed.contains("Hello") && listed.contains(&about), "{listed}");
    assert!(!listed.contains('\u{1b}'), "what callers wrote moves no cursor: {listed:?}");
    let open = json_of(&world, &["case", "list", "--json"]);
    assert_eq!(numbers(&open), [question.clone(), about.clone()], "newest first");
    let page = json_of(&world, &["case", "list", "--json", "--before", &question]);
    assert_eq!(numbers(&page), [about.as_str()]);

    let shown = world.cli(&["case", "show", &about]).succeeded().stdout;
    for part in ["PORT_IN", "Bring\nit ", SERVICE_FLEET, "user:alice", "letter.txt"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let out = world.dir().join("out.txt").display().to_string();
    world.cli(&["case", "show", &about, "--file", &out]).succeeded();
    assert_eq!(std::fs::read_to_string(&out).expect("it was written"), "Hello");
    world.cli(&["case", "show", &about, "--file", &out]).failed();
    let none = world.cli(&["case", "show", &question, "--file", "other.txt"]).failed();
    assert!(none.stderr.contains("no file"), "{none:?}");

    world.cli(&["case", "close", &about, "--reason", "it is over"]).succeeded();
    let closed = alice.ticket(&about);
    assert_eq!(closed["status"], "Completed", "{closed}");
    assert!(closed["finished"].is_string() && closed["errorMessage"].is_null(), "{closed}");
    assert_eq!(numbers(&json_of(&world, &["case", "list", "--json"])), [question.as_str()]);
    let all = json_of(&world, &["case", "list", "--all", "--json"]);
    assert_eq!(numbers(&all), [question.clone(), about.clone()]);
    let shown = json_of(&world, &["case", "show", &about, "--json"]);
    assert_eq!((&shown["state"], &shown["close_reason"]), (&json!("closed"), &json!("it is over")));
    assert_eq!(shown["message"], "Bring\nit \u{1b}[31mover", "scripts get it as it is");
    let twice = json_of(&world, &["case", "close", "--json", &about, &question]);
    let outcomes = [&twice[0]["outcome"], &twice[1]["outcome"]];
    assert_eq!(outcomes, ["already_closed", "closed"]);
}

#[test]
fn a_case_is_not_a_ticket_and_a_ticket_is_not_a_case() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let case = json!({"ticketType": "QUESTION", "message": "Hello"});
    let case = alice.call("raiseTicket", case).ticket();
    let ticket = alice.done("connectService", connect(SIM_1));
    for command in ["show", "retry", "cancel"] {
        let ran = world.cli(&["ticket", command, &case]).failed();
        assert!(ran.stderr.contains(&format!("provisor case show {case}")), "{command}: {ran:?}");
    }
    for args in [["case", "show", &ticket], ["case", "close", &ticket]] {
        let ran = world.cli(&args).failed();
        assert!(
            ran.stderr.contains("no support case") || ran.stderr.contains("no such"),
            "{ran:?}"
        );
    }
    assert_eq!(alice.ticket(&case)["status"], "Processing");
}
