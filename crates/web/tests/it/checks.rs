//! The order of checks (contract, section 1.3), and what the members of a body may look like (section 1.1).

use axum::http::StatusCode;
use provisor_web::ccc::Method;
use serde_json::{Value, json};

use crate::rig::*;

/// Puts one thing right after the other and sees the next one told. A step: the error before, the member, the value.
async fn walk(world: &World, method: &str, steps: &[(&str, &str, Value)]) -> Value {
    let mut members = json!({});
    for (code, member, value) in steps {
        let answer = world.call(method, members.clone()).await;
        assert_eq!(&answer.code(), code, "{method} before {member}: {members} {answer:?}");
        members[*member] = value.clone();
    }
    members
}

/// No `_`: a method without a row does not compile.
fn steps(method: Method) -> Vec<(&'static str, &'static str, Value)> {
    let long = "X".repeat(65);
    let nowhere = ("104", "service", json!({"code": "not-a-number"}));
    let found = ("400", "service", json!({"code": "5000003"}));
    let active = ("302", "service", json!({"code": 5_000_001}));
    let one = |missing, member, wrong: &str, told, right: &str| {
        let (wrong, right) = ((missing, member, json!(wrong)), (told, member, json!(right)));
        vec![nowhere.clone(), wrong, found.clone(), right, active.clone()]
    };
    match method {
        Method::GetContracts => {
            vec![("209", "customer", json!(long)), ("403", "customer", json!("1000000"))]
        }
        Method::ConnectService => vec![
            ("208", "sim", json!("891039000001516178x")),
            ("211", "name", json!("x".repeat(51))),
            ("206", "contractCode", json!(long)),
            ("210", "tariffCode", json!(long)),
            ("300", "sim", json!(SIM_OTHER)),
            ("304", "name", json!("x".repeat(50))),
            ("403", "contractCode", json!(1_000_274)),
            ("402", "APNCodes", json!([long])),
            ("402", "sim", json!(SIM_1)),
            ("406", "tariffCode", json!("TEASEU1000MB")),
            ("405", "APNCodes", json!("AS_APN_CROUT; AS_APN_PRIVATE,AS_APN_CROUT")),
        ],
        Method::DisconnectService => vec![nowhere, found, active],
        Method::ChangeServiceName => vec![
            nowhere,
            ("205", "newName", json!("a\u{7}b")),
            ("304", "newName", json!("Fine")),
            found,
            active,
        ],
        Method::AddBar | Method::RemoveBar => {
            one("200", "barCode", "BF_002", "102", "AS_SUS_MSISDN")
        }
        Method::AddBolton | Method::RemoveBolton => {
            one("204", "boltonCode", &long, "103", "AS_BO_ROAM")
        }
        Method::ApplyTemplate => one("207", "templateCode", &long, "404", "AS_SMALL"),
        Method::ChangeSim => vec![
            nowhere,
            ("208", "newSIM", json!("12345")),
            ("300", "newSIM", json!(SIM_OTHER)),
            found,
            ("402", "newSIM", json!(SIM_LONG)),
            active,
        ],
        Method::QueryService => vec![nowhere, ("400", "service", json!({"cli": CLI_ACTIVE}))],
        Method::QueryTicket => vec![
            ("212", "ticket", json!({"id": "x"})),
            ("401", "ticket", json!({"id": "999999"})),
            ("401", "ticket", json!({"id": 1224})),
        ],
        Method::RaiseTicket => vec![
            ("201", "ticketType", json!(long)),
            ("202", "message", json!("Hello")),
            ("301", "service", json!({"code": "x"})),
            ("301", "file", json!({"name": "half.txt"})),
            ("203", "file", json!({"name": " ", "content": ""})),
            ("301", "ticketType", json!("PORT_IN")),
            ("203", "file", json!({"name": "letter.txt", "content": "SGVsbG8="})),
            ("400", "service", Value::Null),
        ],
    }
}

#[tokio::test]
async fn each_method_tells_one_thing_at_a_time_in_the_contracts_order() {
    for method in Method::ALL {
        let world = World::new().await;
        if method == Method::QueryTicket {
            world.call("disconnectService", json!({"service": {"code": "5000002"}})).await.ticket();
        }
        let members = walk(&world, method.name(), &steps(method)).await;
        let answer = world.call(method.name(), members).await;
        assert_eq!(answer.code(), "ok", "{}: {answer:?}", method.name());
    }
}

#[tokio::test]
async fn maintenance_then_the_body_then_the_user_then_the_rest() {
    let world = World::new().await;
    let wrong = |members: Value| {
        let mut members = members;
        members["user"] = json!({"username": "MarioG", "password": "wrong"});
        world.post("/v1/connectService", members.to_string())
    };
    world.maintenance(true).await;
    assert_eq!(world.post("/v1/connectService", "not JSON").await.code(), "000");
    world.maintenance(false).await;
    assert_eq!(world.post("/v1/connectService", "not JSON").await.code(), "303");
    assert_eq!(wrong(json!({"name": {}, "sim": "x"})).await.code(), "303");
    assert_eq!(wrong(json!({"sim": "x"})).await.code(), "100");
    assert_eq!(world.call("connectService", json!({"sim": "x"})).await.code(), "211");
}

#[tokio::test]
async fn a_lock_is_told_last() {
    let world = World::new().await;
    let service = json!({"code": "5000001"});
    world.call("disconnectService", json!({"service": service})).await.ticket();
    let bar = |code: &str| json!({"service": service, "barCode": code});
    assert_eq!(world.call("addBar", bar("BF_002")).await.code(), "102");
    assert_eq!(world.call("addBar", bar("AS_SUS_MSISDN")).await.code(), "101");
}

#[tokio::test]
async fn a_code_that_is_too_long_is_repeated_in_part_and_looked_up_like_any_other() {
    let world = World::new().await;
    let bar = |code: String| json!({"service": {"code": "5000001"}, "barCode": code});
    let answer = world.call("addBar", bar(format!(" {}\u{7}", "B".repeat(100)))).await;
    let shown = format!("You do not have permission to update this Bar ({}…)", "B".repeat(63));
    assert_eq!(answer.message(), shown);
    let odd = world.call("addBar", bar("A\u{7}B".into())).await.message();
    assert!(odd.ends_with("(A?B…)"), "{odd}");
}

#[tokio::test]
async fn absent_null_and_blank_are_missing() {
    let world = World::new().await;
    for empty in [json!(null), json!(""), json!("  \t")] {
        let contracts = json!({"customer": empty});
        assert_eq!(world.call("getContracts", contracts).await.code(), "209", "{empty}");
        assert_eq!(world.call("queryService", json!({"service": empty})).await.code(), "104");
        let service = json!({"service": {"code": empty, "cli": empty, "other": "x"}});
        assert_eq!(world.call("queryService", service).await.code(), "104");
        assert_eq!(world.call("queryTicket", json!({"ticket": {"id": empty}})).await.code(), "212");
        let mut members = connect(SIM_1);
        members["APNCodes"] = empty;
        members["sim"] = json!(SIM_OTHER);
        assert_eq!(world.call("connectService", members).await.code(), "402");
    }
    for user in [
        "null",
        "{}",
        "\"\"",
        r#"{"username":"MarioG"}"#,
        r#"{"username":"MarioG","password":" "}"#,
    ] {
        let body = format!(r#"{{"user":{user},"customer":"1000000"}}"#);
        assert_eq!(world.post("/v1/getContracts", body).await.code(), "100", "{user}");
    }
}

#[tokio::test]
async fn a_member_of_the_wrong_type_is_named_and_its_value_is_not() {
    let world = World::new().await;
    let object = "must be an object.";
    let text = "must be a string.";
    let identifier = "must be a string or an integer.";
    let cases = [
        ("getContracts", json!({"customer": ["canary"]}), format!("'customer' {identifier}")),
        ("getContracts", json!({"customer": 1.5}), format!("'customer' {identifier}")),
        ("getContracts", json!({"customer": -5}), format!("'customer' {identifier}")),
        ("queryService", json!({"service": "canary"}), format!("'service' {object}")),
        ("queryService", json!({"service": {"cli": true}}), format!("'service.cli' {identifier}")),
        ("queryTicket", json!({"ticket": 7}), format!("'ticket' {object}")),
        ("changeServiceName", json!({"newName": 7}), format!("'newName' {text}")),
        ("connectService", json!({"name": {"a": "canary"}}), format!("'name' {text}")),
        ("raiseTicket", json!({"message": 7}), format!("'message' {text}")),
        ("raiseTicket", json!({"file": []}), format!("'file' {object}")),
        ("raiseTicket", json!({"file": {"name": 7}}), format!("'file.name' {text}")),
        (
            "raiseTicket",
            json!({"file": {"name": "x", "content": "?"}}),
            "'file.content' must be base64.".into(),
        ),
        (
            "connectService",
            json!({"APNCodes": {"a": 1}}),
            "'APNCodes' must be a string, an integer or a list of them.".into(),
        ),
        (
            "connectService",
            json!({"APNCodes": [["x"]]}),
            "'APNCodes' must be a string, an integer or a list of them.".into(),
        ),
    ];
    for (method, members, what) in cases {
        let answer = world.call(method, members.clone()).await;
        assert_eq!(answer.message(), format!("Request invalid: {what}"), "{members}");
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::OK, "303"));
    }
    for user in [
        r#""Stuttgart""#,
        "[]",
        r#"{"username":"x","password":["Stuttgart"]}"#,
        r#"{"username":7}"#,
    ] {
        let answer = world.post("/v1/getContracts", format!(r#"{{"user":{user}}}"#)).await;
        assert_eq!(answer.code(), "303", "{user}");
        assert!(!answer.body.contains("Stuttgart"), "{answer:?}");
    }
}

#[tokio::test]
async fn numbers_of_any_length_are_read_to_the_last_digit() {
    let world = World::new().await;
    let raw = |sim: &str| {
        format!(
            r#"{{"user":{{"username":"MarioG","password":"Stuttgart"}},"sim":{sim},"name":"x","contractCode":1000274,"tariffCode":"TEASEU1000MB"}}"#
        )
    };
    for sim in [SIM_1, SIM_LONG] {
        let id = world.post("/v1/connectService", raw(sim)).await.ticket();
        let shown = world.call("queryTicket", json!({"ticket": {"id": id}})).await;
        assert_eq!(shown.json()["ticket"]["sim"], sim);
    }
    for (sim, code) in [
        ("89103900000151617890123", "300"),
        ("89103900000151617", "300"),
        ("8910390000015161788", "402"),
        ("8910390000015161789.0", "303"),
        ("8.910390000015161789e18", "303"),
        ("-8910390000015161789", "303"),
    ] {
        assert_eq!(world.post("/v1/connectService", raw(sim)).await.code(), code, "{sim}");
    }
}

#[tokio::test]
async fn too_many_apns_are_refused_and_repeated_ones_are_one() {
    let world = World::new().await;
    let mut members = connect(SIM_1);
    members["APNCodes"] = (0..33).map(|n| format!("APN_{n}")).collect::<Vec<_>>().into();
    assert_eq!(world.call("connectService", members.clone()).await.code(), "303");
    members["APNCodes"] = vec!["AS_APN_CROUT"; 40].into();
    world.call("connectService", members).await.ticket();
}

#[tokio::test]
async fn selectors_must_all_fit_the_same_service() {
    let world = World::new().await;
    let code =
        async |service: Value| world.call("queryService", json!({"service": service})).await.code();
    let all = json!({"code": "5000001", "cli": CLI_ACTIVE, "sim": SIM_ACTIVE});
    assert_eq!(code(all).await, "ok");
    assert_eq!(code(json!({"cli": CLI_ACTIVE, "sim": ""})).await, "ok");
    assert_eq!(code(json!({"code": "5000001", "sim": SIM_SAM})).await, "400");
    assert_eq!(code(json!({"code": "5000001", "cli": "x"})).await, "400");
    for malformed in ["05000001", "5000001 ", "9223372036854775807", "99999999999999999999"] {
        assert_eq!(code(json!({"code": malformed})).await, "400", "{malformed}");
    }
}
