//! Who gets in: passwords, API credentials, locks, throttling, and what each kind of user reaches (contract, 1.2).

mod credentials;
mod kinds;
mod matrix;
mod throttling;

use serde_json::json;

use crate::rig::*;

#[test]
fn a_lock_and_its_end_are_seen_within_a_second() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.soon("ok");
    world.cli(&["user", "lock", "alice"]).succeeded();
    alice.soon("100");
    world.cli(&["user", "unlock", "alice"]).succeeded();
    alice.soon("ok");
}

#[test]
fn a_new_password_is_seen_within_a_second_and_the_old_one_is_dropped() {
    let world = World::new();
    let server = world.serve();
    let (mut before, mut after) = (Caller::alice(&server), Caller::alice(&server));
    after.password = "another-canary-77".to_owned();
    before.soon("ok");
    let file = world.file("password", "another-canary-77\n");
    world.cli(&["user", "passwd", "alice", "--password-file", &file]).succeeded();
    before.soon("100");
    after.soon("ok");
}

#[test]
fn a_user_added_beside_the_running_server_gets_in() {
    let world = World::new();
    let server = world.serve();
    let file = world.file("password", "carol-canary-1\n");
    let args = ["user", "add", "carol", "--password-file", &file, "--customer", "1000000"];
    world.cli(&args).succeeded();
    Caller::new(&server, "carol", "carol-canary-1").soon("ok");
    world.cli(&args).failed();
}

#[test]
fn what_is_wrong_with_a_sign_in_cannot_be_told_apart() {
    let world = World::new();
    let server = world.serve();
    world.cli(&["user", "lock", "bob"]).succeeded();
    Caller::new(&server, "bob", BOB_PASSWORD).soon("100");
    let cases = [
        json!({"username": "alice", "password": "wrong"}),
        json!({"username": "nobody", "password": "wrong"}),
        json!({"username": "bob", "password": BOB_PASSWORD}),
        json!({"username": "ALICE", "password": ALICE_PASSWORD}),
        json!({"username": "alice", "password": "x".repeat(5_000)}),
        json!({"username": "x".repeat(5_000), "password": "x"}),
        json!({"username": "alice", "password": "pvk_00000000000000000000000000000000000000000000"}),
        json!({"username": "alice\u{0}", "password": ALICE_PASSWORD}),
        json!({"username": "alice"}),
        json!({}),
        json!(null),
    ];
    let mut http = server.client();
    let bodies: Vec<_> = cases
        .iter()
        .map(|user| json!({"user": user, "customer": "1000000"}).to_string())
        .map(|body| http.post("/api/v1/getContracts", &body))
        .collect();
    for (answer, case) in bodies.iter().zip(&cases) {
        let shape: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        let first: Vec<_> = bodies[0].headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((answer.status, &answer.body, shape), (200, &bodies[0].body, first), "{case}");
        assert_eq!(answer.code(), "100", "{case}");
    }
}

#[test]
fn grants_work_at_once() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let bar = json!({"service": {"code": SERVICE_FLEET}, "barCode": "BF_002"});
    assert_eq!(alice.call("addBar", bar.clone()).code(), "102");
    let granted = r#"bars = ["AS_SUS_MSISDN", "AS_BAR_SMS", "DOWN_SUS"]"#;
    world.apply(&BASE.replace(granted, r#"bars = ["BF_002"]"#));
    alice.done("addBar", bar);
    let other = json!({"service": {"code": SERVICE_FLEET}, "barCode": "AS_BAR_SMS"});
    assert_eq!(alice.call("addBar", other).code(), "102");
}
