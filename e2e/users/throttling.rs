//! Guessing is slowed down, and a stranger cannot use that against a client that works.

use serde_json::json;

use crate::rig::*;

/// More wrong passwords than a person types. They come at once, so that each is checked and the delay after the last
/// of them is long.
const GUESSES: usize = 16;

/// Calls `guess` with the numbers of all guesses at once; each must fail.
fn all_at_once(guess: impl Fn(usize) -> String + Sync) {
    std::thread::scope(|scope| {
        let guess = &guess;
        let calls: Vec<_> = (0..GUESSES).map(|n| scope.spawn(move || guess(n))).collect();
        for call in calls {
            assert_eq!(call.join().expect("no panic"), "100");
        }
    });
}

fn guess(server: &Server, username: &str) {
    all_at_once(|n| {
        let mut stranger = Caller::new(server, username, &format!("wrong-{n}"));
        stranger.call("getContracts", json!({"customer": "1000000"})).code()
    });
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

/// One query of alice's with `password`, as if a proxy had passed it on from `source`.
fn forwarded(server: &Server, source: &str, password: &str) -> String {
    let alice = Caller::new(server, "alice", password);
    let body = alice.body(&json!({"customer": "1000000"}));
    let headers = [("X-Forwarded-For", source)];
    server.client().post_with("/api/v1/getContracts", &headers, &body).code()
}

#[test]
fn an_address_that_a_stranger_made_up_does_not_free_him_from_the_throttle() {
    let world = World::new();
    let server = world.serve();
    all_at_once(|n| forwarded(&server, &format!("192.0.{n}.1"), &format!("wrong-{n}")));
    assert_eq!(forwarded(&server, "198.51.100.1", ALICE_PASSWORD), "100");
}

#[test]
fn behind_a_trusted_proxy_the_guesser_is_slowed_down_and_the_others_are_not() {
    let world = World::new();
    let mut serve = world.serve_command();
    serve.env("PROVISOR_TRUSTED_PROXIES", "127.0.0.0/8");
    let server = Server::start(&mut serve, world.dir());
    // What the guesser wrote into the header himself stands before what the proxy saw.
    let source = |n: usize| format!("203.0.{n}.1, 192.0.2.1");
    all_at_once(|n| forwarded(&server, &source(n), &format!("wrong-{n}")));
    assert_eq!(forwarded(&server, "192.0.2.1", ALICE_PASSWORD), "100");
    assert_eq!(forwarded(&server, "198.51.100.1", ALICE_PASSWORD), "ok");
}
