//! Guessing is slowed down, and a stranger cannot use that against a client that works.

use serde_json::json;

use crate::rig::*;

/// More wrong passwords than any throttle lets pass unnoticed.
const GUESSES: usize = 40;

fn guess(server: &Server, username: &str) {
    let mut stranger = Caller::new(server, username, "wrong");
    for n in 0..GUESSES {
        stranger.password = format!("wrong-{n}");
        let answer = stranger.call("getContracts", json!({"customer": "1000000"}));
        assert_eq!(answer.code(), "100", "{answer:?}");
    }
}

#[test]
fn after_many_wrong_passwords_even_the_right_one_is_refused_to_a_stranger() {
    let world = World::new();
    let server = world.serve();
    guess(&server, "alice");
    let mut alice = Caller::alice(&server);
    assert_eq!(alice.call("getContracts", json!({"customer": "1000000"})).code(), "100");
}

#[test]
fn a_client_that_has_worked_goes_on_working() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.soon("ok");
    guess(&server, "alice");
    for _ in 0..5 {
        assert_eq!(alice.call("getContracts", json!({"customer": "1000000"})).code(), "ok");
    }
}
