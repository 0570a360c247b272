//! API credentials in the `password` member: scoped, expiring, revocable, optionally bound to networks.

use serde_json::json;

use crate::rig::*;

fn with(server: &Server, credential: &str) -> Caller {
    Caller::new(server, "alice", credential)
}

#[test]
fn a_credential_is_as_good_as_the_password_of_its_user_and_of_nobody_else() {
    let world = World::new();
    let server = world.serve();
    let credential = world.credential("alice", &[]);
    let digits = credential.trim_start_matches("pvk_").len();
    assert!(digits >= 27, "160 random bits need 27 characters or more: {digits}");
    with(&server, &credential).soon("ok");
    with(&server, &credential).connect(SIM_1);
    let mut bob = Caller::new(&server, "bob", &credential);
    assert_eq!(bob.call("getContracts", json!({"customer": "2000000"})).code(), "100");
    let mut last = credential.chars().last().expect("it is not empty");
    last = if last == '0' { '1' } else { '0' };
    let misspelled = format!("{}{last}", &credential[..credential.len() - 1]);
    assert_eq!(with(&server, &misspelled).call("getContracts", json!({})).code(), "100");
}

#[test]
fn one_for_reading_does_not_change_anything() {
    let world = World::new();
    let server = world.serve();
    let credential = world.credential("alice", &["--read-only"]);
    let mut alice = with(&server, &credential);
    alice.soon("ok");
    assert_eq!(alice.nina(SIM_FLEET)["code"], SERVICE_FLEET);
    assert_eq!(alice.call("queryTicket", json!({"ticket": {"id": "1"}})).code(), "401");
    let service = json!({"code": SERVICE_FLEET});
    let changes = [
        ("connectService", connect(SIM_1)),
        ("disconnectService", json!({"service": service})),
        ("changeServiceName", json!({"service": service, "newName": "x"})),
        ("addBar", json!({"service": service, "barCode": "AS_SUS_MSISDN"})),
        ("removeBar", json!({"service": service, "barCode": "AS_SUS_MSISDN"})),
        ("addBolton", json!({"service": service, "boltonCode": "AS_BO_ROAM"})),
        ("removeBolton", json!({"service": service, "boltonCode": "AS_BO_ROAM"})),
        ("applyTemplate", json!({"service": service, "templateCode": "AS_SMALL"})),
        ("changeSIM", json!({"service": service, "newSIM": SIM_2})),
        ("raiseTicket", json!({"ticketType": "QUESTION", "message": "Hello"})),
    ];
    for (method, members) in changes {
        assert_eq!(alice.call(method, members).code(), "100", "{method}");
    }
    assert_eq!(alice.nina(SIM_FLEET)["name"], "Marion Gomez");
}

#[test]
fn a_revoked_one_stops_within_a_second_and_the_others_go_on() {
    let world = World::new();
    let server = world.serve();
    let (kept, revoked) = (world.credential("alice", &[]), world.credential("alice", &[]));
    with(&server, &kept).soon("ok");
    let mut alice = with(&server, &revoked);
    alice.soon("ok");
    let listed = world.cli(&["user", "credential", "list", "alice", "--json"]).succeeded().stdout;
    assert!(!listed.contains(&kept) && !listed.contains(&revoked), "a list shows no credential");
    let rows: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    // Newest first.
    let id = rows[0]["id"].to_string();
    world.cli(&["user", "credential", "revoke", "alice", &id]).succeeded();
    alice.soon("100");
    with(&server, &kept).soon("ok");
    world.cli(&["user", "credential", "revoke", "alice", &id]).failed();
}

#[test]
fn one_that_has_expired_does_not_work_and_one_that_will_does_until_then() {
    let world = World::new();
    let server = world.serve();
    let credential = world.credential("alice", &["--expires", "2s"]);
    let mut alice = with(&server, &credential);
    alice.soon("ok");
    eventually("the credential to expire", || {
        let answer = alice.call("getContracts", json!({"customer": "1000000"}));
        (answer.code() == "100").then_some(())
    });
    Caller::alice(&server).soon("ok");
}

#[test]
fn one_that_is_bound_to_a_network_works_from_there_only() {
    let world = World::new();
    let server = world.serve();
    let here = world.credential("alice", &["--network", "127.0.0.0/8"]);
    let elsewhere = world.credential("alice", &["--network", "192.0.2.0/24"]);
    with(&server, &here).soon("ok");
    with(&server, &elsewhere).soon("100");
}

#[test]
fn a_locked_users_credentials_do_not_work_either() {
    let world = World::new();
    let server = world.serve();
    let credential = world.credential("alice", &[]);
    with(&server, &credential).soon("ok");
    world.cli(&["user", "lock", "alice"]).succeeded();
    with(&server, &credential).soon("100");
}
