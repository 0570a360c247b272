//! The order of checks (contract, section 1.3): a request that is wrong in every way is told one thing at a time, and
//! putting that right brings up the next one.

use serde_json::{Value, json};

use crate::rig::*;

/// A step: what is put right (dotted path and value), and the error that is answered before it is.
type Step = (&'static str, &'static str, Value);

/// Walks from `members` through `steps`; answers the members with everything put right.
fn walk(caller: &mut Caller, method: &str, mut members: Value, steps: &[Step]) -> Value {
    for (code, path, value) in steps {
        let answer = caller.call(method, members.clone());
        assert_eq!(
            &answer.code(),
            code,
            "{method} before {path} is put right: {members} {answer:?}"
        );
        let target = path.split('.').fold(&mut members, |inner, name| &mut inner[name]);
        *target = value.clone();
    }
    members
}

#[test]
fn maintenance_then_body_then_user_then_the_rest() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    world.cli(&["maintenance", "on"]).succeeded();
    alice.soon("000");
    let everything_wrong = json!({"name": {}, "sim": "x"});
    alice.password = "wrong".to_owned();
    assert_eq!(alice.call("connectService", everything_wrong.clone()).code(), "000");
    world.cli(&["maintenance", "off"]).succeeded();
    alice.soon("100");
    assert_eq!(alice.call("connectService", everything_wrong).code(), "303");
    assert_eq!(alice.call("connectService", json!({"sim": "x"})).code(), "100");
    alice.password = ALICE_PASSWORD.to_owned();
    assert_eq!(alice.call("connectService", json!({"sim": "x"})).code(), "211");
}

#[test]
fn connecting() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let steps = [
        ("208", "sim", json!("89103900000151617x")),
        ("211", "name", json!("x".repeat(51))),
        ("206", "contractCode", json!("7777777")),
        ("210", "tariffCode", json!("TNOPE")),
        ("300", "sim", json!(SIM_FOREIGN)),
        ("304", "name", json!("Unit")),
        ("403", "contractCode", json!("1000274")),
        ("402", "sim", json!(SIM_STUCK)),
        ("406", "tariffCode", json!("TEASEU1000MB")),
        ("405", "APNCodes", json!("AS_APN_CROUT")),
    ];
    let stuck = json!({"service": {"code": SERVICE_STUCK}});
    let held = alice.call("disconnectService", stuck).ticket();
    let members = walk(&mut alice, "connectService", json!({"APNCodes": "NOPE"}), &steps);
    // The SIM's open ticket is told before its live service.
    assert_eq!(alice.call("connectService", members.clone()).code(), "101");
    world.cli(&["ticket", "cancel", &held]).succeeded();
    assert_eq!(alice.call("connectService", members).code(), "402");
}

#[test]
fn barring() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    for method in ["addBar", "removeBar"] {
        let steps = [
            ("104", "service", json!({"code": SERVICE_FOREIGN})),
            ("200", "barCode", json!("BF_002")),
            ("400", "service.code", json!(SERVICE_OFF)),
            ("102", "barCode", json!("AS_SUS_MSISDN")),
            ("302", "service.code", json!(SERVICE_FLEET)),
        ];
        let members = walk(&mut alice, method, json!({"barCode": " "}), &steps);
        alice.done(method, members);
    }
}

#[test]
fn what_else_changes_a_service() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let off = json!(SERVICE_OFF);
    let fleet = json!(SERVICE_FLEET);
    let foreign = json!({"code": SERVICE_FOREIGN});
    let rename = [
        ("104", "service", foreign.clone()),
        ("205", "newName", json!("\t\u{0}")),
        ("304", "newName", json!("Fine")),
        ("400", "service.code", off.clone()),
        ("302", "service.code", fleet.clone()),
    ];
    let members = walk(&mut alice, "changeServiceName", json!({}), &rename);
    alice.done("changeServiceName", members);
    for method in ["addBolton", "removeBolton"] {
        let steps = [
            ("104", "service", foreign.clone()),
            ("204", "boltonCode", json!("AS_BO_SECRET")),
            ("400", "service.code", off.clone()),
            ("103", "boltonCode", json!("AS_BO_ROAM")),
            ("302", "service.code", fleet.clone()),
        ];
        let members = walk(&mut alice, method, json!({}), &steps);
        alice.done(method, members);
    }
    let template = [
        ("104", "service", foreign.clone()),
        ("207", "templateCode", json!("NOPE")),
        ("400", "service.code", off.clone()),
        ("404", "templateCode", json!("AS_SMALL")),
        ("302", "service.code", fleet.clone()),
    ];
    let members = walk(&mut alice, "applyTemplate", json!({}), &template);
    alice.done("applyTemplate", members);
    let change_sim = [
        ("104", "service", foreign),
        ("208", "newSIM", json!("12345")),
        ("300", "newSIM", json!(SIM_FOREIGN)),
        ("400", "service.code", off),
        ("402", "newSIM", json!(SIM_1)),
        ("302", "service.code", fleet),
    ];
    let members = walk(&mut alice, "changeSIM", json!({}), &change_sim);
    alice.done("changeSIM", members);
}

#[test]
fn a_lock_is_told_last() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let stuck = json!({"code": SERVICE_STUCK});
    alice.call("disconnectService", json!({"service": stuck})).ticket();
    let bar = |code: &str| json!({"service": stuck, "barCode": code});
    assert_eq!(alice.call("addBar", bar("BF_002")).code(), "102");
    assert_eq!(alice.call("addBar", bar("DOWN_SUS")).code(), "101");
    let name = json!({"service": stuck, "newName": "x".repeat(51)});
    assert_eq!(alice.call("changeServiceName", name).code(), "304");
    assert_eq!(alice.call("disconnectService", json!({"service": stuck})).code(), "101");
}

#[test]
fn absent_null_and_blank_are_missing() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    for empty in [json!(null), json!(""), json!("  \t")] {
        assert_eq!(alice.call("getContracts", json!({"customer": empty})).code(), "209");
        let connect = json!({"sim": empty, "name": "x", "contractCode": "1", "tariffCode": "2"});
        assert_eq!(alice.call("connectService", connect).code(), "208");
        let service = json!({"service": {"code": empty, "cli": empty}});
        assert_eq!(alice.call("queryService", service).code(), "104");
        assert_eq!(alice.call("queryTicket", json!({"ticket": {"id": empty}})).code(), "212");
    }
    for service in [json!(null), json!({}), json!({"other": "x"})] {
        assert_eq!(alice.call("queryService", json!({"service": service})).code(), "104");
    }
    let mut http = server.client();
    for user in ["{}", "null", r#"{"username":"alice"}"#, r#"{"username":"alice","password":" "}"#]
    {
        let body = format!(r#"{{"user":{user},"customer":"1000000"}}"#);
        assert_eq!(http.post("/api/v1/getContracts", &body).code(), "100", "{user}");
    }
}
