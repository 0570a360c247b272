//! The `Idempotency-Key` header (contract, section 1.1): a repeated call gets the first answer, byte for byte.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::rig::*;

const REPLAYED: &str = "idempotent-replayed";

fn rename(name: &str) -> Value {
    json!({"service": {"code": SERVICE_FLEET}, "newName": name})
}

#[test]
fn a_repeated_call_gets_the_first_answer_even_when_the_ticket_is_over_and_after_a_restart() {
    let world = World::new();
    let mut server = world.serve();
    let mut alice = Caller::alice(&server);
    let first = alice.call_with_key("changeServiceName", "key-1", rename("One"));
    assert_eq!(first.header(REPLAYED), None, "{first:?}");
    let ticket = first.ticket();
    let same = |again: &Answer| {
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header(REPLAYED), Some("true"), "{again:?}");
    };
    same(&alice.call_with_key("changeServiceName", "key-1", rename("One")));
    alice.ended(&ticket);
    same(&alice.call_with_key("changeServiceName", "key-1", rename("One")));
    alice.done("changeServiceName", rename("Two"));
    server.kill();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    same(&alice.call_with_key("changeServiceName", "key-1", rename("One")));
    assert_eq!(alice.nina(SIM_FLEET)["name"], "Two", "a replay changes nothing");
}

#[test]
fn another_body_under_the_same_key_is_an_error() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let ticket = alice.call_with_key("changeServiceName", "key", rename("One")).ticket();
    assert_eq!(alice.call_with_key("changeServiceName", "key", rename("Other")).code(), "305");
    alice.ended(&ticket);
    assert_eq!(alice.call_with_key("changeServiceName", "key", rename("Other")).code(), "305");
}

#[test]
fn a_key_belongs_to_a_user_and_a_method() {
    let world = World::new();
    let server = world.serve();
    let (mut alice, mut gina) =
        (Caller::alice(&server), Caller::new(&server, "gina", GINA_PASSWORD));
    let first = alice.call_with_key("changeServiceName", "key", rename("One")).ticket();
    alice.ended(&first);
    let second = gina.call_with_key("changeServiceName", "key", rename("Two")).ticket();
    gina.ended(&second);
    let bar = json!({"service": {"code": SERVICE_FLEET}, "barCode": "AS_SUS_MSISDN"});
    let third = alice.call_with_key("addBar", "key", bar).ticket();
    assert!(first != second && second != third);
}

#[test]
fn the_credential_is_no_part_of_the_body() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let first = alice.call_with_key("changeServiceName", "key", rename("One"));
    alice.password = world.credential("alice", &[]);
    let again = alice.call_with_key("changeServiceName", "key", rename("One"));
    assert_eq!((&again.body, again.header(REPLAYED)), (&first.body, Some("true")));
}

#[test]
fn a_refused_call_leaves_the_key_free() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let wrong = json!({"service": {"code": SERVICE_OFF}, "newName": "x"});
    assert_eq!(alice.call_with_key("changeServiceName", "key", wrong).code(), "302");
    alice.call_with_key("changeServiceName", "key", rename("One")).ticket();
}

#[test]
fn a_key_has_1_to_255_visible_characters() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    for bad in ["", "a b", "schlüssel", &"k".repeat(256)] {
        let answer = alice.call_with_key("changeServiceName", bad, rename("One"));
        assert_eq!(answer.code(), "303", "{bad:?}: {answer:?}");
    }
    alice.call_with_key("changeServiceName", &"k".repeat(255), rename("One")).ticket();
}

#[test]
fn sixteen_at_once_with_one_key_raise_one_ticket() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.soon("ok");
    let start = Barrier::new(16);
    let call = || {
        let mut alice = Caller::alice(&server);
        start.wait();
        alice.call_with_key("connectService", "one", connect(SIM_1))
    };
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..16).map(|_| scope.spawn(call)).collect();
        calls.into_iter().map(|call| call.join().expect("no panic")).collect()
    });
    let ticket = answers[0].ticket();
    for answer in &answers {
        assert_eq!(answer.body, answers[0].body);
    }
    let replayed = answers.iter().filter(|answer| answer.header(REPLAYED).is_some()).count();
    assert_eq!(replayed, 15, "one call is the first");
    let listed = world.cli(&["ticket", "list", "--json"]).succeeded().stdout;
    assert_eq!(listed.matches(&ticket).count(), 1, "{listed}");
}
