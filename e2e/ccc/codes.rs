//! Every code of the contract (section 1.5), provoked. A code without a case fails the test, and so does a message
//! that is spelled otherwise.

use serde_json::{Value, json};

use crate::rig::*;

/// Every message of the contract: a code, its text, the HTTP status it comes with.
const MESSAGES: &[(&str, &str, u16)] = &[
    ("000", "Zygo portal undergoing maintenance.", 503),
    ("001", "Internal Error.", 500),
    ("002", "Unknown method.", 404),
    ("003", "Too many requests.", 429),
    ("100", "Authentication failed.", 200),
    ("101", "Service Locked. Another ticket is processing.", 200),
    ("102", "You do not have permission to update this Bar (BF_002)", 200),
    ("103", "You do not have permission to update this Bolt On (AS_BO_SECRET)", 200),
    ("104", "'service' missing.", 200),
    ("105", "You do not have premission to access this service.", 200),
    ("200", "'barCode' missing.", 200),
    ("201", "'ticketType' missing.", 200),
    ("202", "'message' missing.", 200),
    ("203", "'file' missing.", 200),
    ("204", "'boltonCode' missing.", 200),
    ("205", "'newName' missing.", 200),
    ("206", "'contractCode' missing.", 200),
    ("207", "'templateCode' missing.", 200),
    ("208", "'sim' missing.", 200),
    ("208", "'newSIM' missing.", 200),
    ("209", "'customer' missing.", 200),
    ("210", "'tariffCode' missing.", 200),
    ("211", "'name' missing.", 200),
    ("212", "'ticket' missing.", 200),
    ("300", "'sim' invalid.", 200),
    ("300", "'newSIM' invalid.", 200),
    ("301", "'ticketType' invalid.", 200),
    ("302", "Service is not Active.", 200),
    ("303", "Request invalid: ", 200),
    ("304", "'name' invalid.", 200),
    ("304", "'newName' invalid.", 200),
    ("305", "Idempotency-Key was used with another request.", 200),
    ("400", "Could not find Service.", 200),
    ("401", "Could not find Ticket", 200),
    ("402", "SIM not available to Customer", 200),
    ("403", "Could not find Contract", 200),
    ("404", "Could not find Template", 200),
    ("405", "Could not find APN", 200),
    ("406", "Could not find Tariff.", 200),
];

/// The codes that the first document does not have.
const OURS: [&str; 9] = ["002", "003", "210", "211", "212", "303", "304", "305", "406"];

/// A running server and those who call it.
struct Stage {
    world: World,
    server: Server,
    alice: Caller,
    sam: Caller,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let server = world.serve();
        let alice = Caller::alice(&server);
        let sam = Caller::new(&server, "sam", SAM_PASSWORD);
        Self { world, server, alice, sam }
    }
}

fn active() -> Value {
    json!({"code": SERVICE_FLEET})
}

/// A connect that succeeds, with `member` as `value` (`null` counts as missing).
fn connect_with(member: &str, value: &str) -> Value {
    let mut members = connect(SIM_1);
    members[member] = if value.is_empty() { Value::Null } else { json!(value) };
    members
}

/// How a message is provoked: by a call of alice's.
fn call_for(code: &str, message: &str) -> Option<(&'static str, Value)> {
    Some(match (code, message) {
        ("101", _) => ("disconnectService", json!({"service": {"code": SERVICE_STUCK}})),
        ("102", _) => ("addBar", json!({"service": active(), "barCode": "BF_002"})),
        ("103", _) => ("addBolton", json!({"service": active(), "boltonCode": "AS_BO_SECRET"})),
        ("104", _) => ("queryService", json!({})),
        ("200", _) => ("addBar", json!({"service": active()})),
        ("201", _) => ("raiseTicket", json!({"message": "Help"})),
        ("202", _) => ("raiseTicket", json!({"ticketType": "QUESTION"})),
        ("203", _) => ("raiseTicket", json!({"ticketType": "PORT_IN", "message": "Help"})),
        ("204", _) => ("addBolton", json!({"service": active()})),
        ("205", _) => ("changeServiceName", json!({"service": active()})),
        ("206", _) => ("connectService", connect_with("contractCode", "")),
        ("207", _) => ("applyTemplate", json!({"service": active()})),
        ("208", "'sim' missing.") => ("connectService", connect_with("sim", "")),
        ("208", _) => ("changeSIM", json!({"service": active()})),
        ("209", _) => ("getContracts", json!({})),
        ("210", _) => ("connectService", connect_with("tariffCode", "")),
        ("211", _) => ("connectService", connect_with("name", "")),
        ("212", _) => ("queryTicket", json!({})),
        ("300", "'sim' invalid.") => ("connectService", connect_with("sim", "89103")),
        ("300", _) => ("changeSIM", json!({"service": active(), "newSIM": "89103"})),
        ("301", _) => ("raiseTicket", json!({"ticketType": "NOPE", "message": "Help"})),
        ("302", _) => ("disconnectService", json!({"service": {"code": SERVICE_OFF}})),
        ("303", _) => ("getContracts", json!({"customer": {"number": 1_000_000}})),
        ("304", "'name' invalid.") => ("connectService", connect_with("name", &"x".repeat(51))),
        ("304", _) => ("changeServiceName", json!({"service": active(), "newName": "a\u{7}b"})),
        ("400", _) => ("queryService", json!({"service": {"code": "4999999"}})),
        ("401", _) => ("queryTicket", json!({"ticket": {"id": "999999"}})),
        ("402", _) => ("connectService", connect_with("sim", "8910390000099999999")),
        ("403", _) => ("connectService", connect_with("contractCode", "7777777")),
        ("404", _) => ("applyTemplate", json!({"service": active(), "templateCode": "NOPE"})),
        ("405", _) => ("connectService", connect_with("APNCodes", "AS_APN_NOPE")),
        ("406", _) => ("connectService", connect_with("tariffCode", "TNOPE")),
        _ => return None,
    })
}

/// The answer that is to carry `code` and `message`.
fn provoke(stage: &mut Stage, code: &str, message: &str) -> Answer {
    if let Some((method, members)) = call_for(code, message) {
        if code == "101" {
            stage.alice.call(method, members.clone()).ticket();
        }
        return stage.alice.call(method, members);
    }
    match code {
        "000" => in_maintenance(stage),
        "001" => with_a_broken_database(),
        "002" => stage.alice.call("deleteEverything", json!({})),
        "003" => over_the_rate_limit(),
        "100" => stage.server.client().post("/api/v1/getContracts", r#"{"customer":"1000000"}"#),
        "105" => stage.sam.call("queryService", json!({"service": active()})),
        "305" => {
            let first = json!({"service": active(), "newName": "First"});
            stage.alice.call_with_key("changeServiceName", "the-key", first).ticket();
            let other = json!({"service": active(), "newName": "Other"});
            stage.alice.call_with_key("changeServiceName", "the-key", other)
        }
        _ => panic!("nothing provokes {code} {message}"),
    }
}

fn in_maintenance(stage: &mut Stage) -> Answer {
    stage.world.cli(&["maintenance", "on"]).succeeded();
    stage.alice.soon("000");
    let answer = stage.alice.call("getContracts", json!({"customer": "1000000"}));
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    stage.world.cli(&["maintenance", "off"]).succeeded();
    stage.alice.soon("ok");
    answer
}

/// A fault that no caller can cause: somebody takes a table out of the database under the running server.
fn with_a_broken_database() -> Answer {
    let mut stage = Stage::new();
    assert_eq!(stage.alice.nina(SIM_FLEET)["code"], SERVICE_FLEET);
    stage.world.books().run("ALTER TABLE service RENAME TO service_gone");
    let answer = stage.alice.call("queryService", json!({"service": active()}));
    assert!(!answer.body.contains("service_gone"), "a fault is not explained: {answer:?}");
    answer
}

fn over_the_rate_limit() -> Answer {
    let world = World::new();
    let mut serve = world.serve_command();
    serve.env("PROVISOR_HTTP_REQUESTS_PER_SECOND", "5");
    let server = Server::start(&mut serve, world.dir());
    let mut alice = Caller::alice(&server);
    let answer = eventually("the limit to be hit", || {
        let answer = alice.call("getContracts", json!({"customer": "1000000"}));
        (answer.status != 200).then_some(answer)
    });
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    answer
}

#[test]
fn every_code_can_be_provoked_and_is_spelled_as_the_contract_spells_it() {
    let mut stage = Stage::new();
    let mut wrong = Vec::new();
    for (code, message, status) in MESSAGES {
        let answer = provoke(&mut stage, code, message);
        let json = answer.json();
        let text = json["errorMessage"].as_str().unwrap_or_default();
        let spelled = if *code == "303" { text.starts_with(message) } else { text == *message };
        let good = answer.status == *status
            && answer.header("content-type") == Some("application/json")
            && json["ok"] == false
            && json["errorCode"] == *code
            && spelled;
        if !good {
            wrong.push(format!("wanted {status} {code} {message:?}, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_have_exactly_three_members_and_a_refused_bar_has_five() {
    let mut stage = Stage::new();
    let names = |answer: &Answer| match Json::parse(&answer.body) {
        Json::Object(members) => members.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        other => panic!("not an object: {other}"),
    };
    let usual = provoke(&mut stage, "104", "");
    assert_eq!(names(&usual), ["ok", "errorCode", "errorMessage"]);
    for method in ["addBar", "removeBar"] {
        let members = json!({"service": active(), "barCode": "BF_002"});
        let bar = stage.alice.call(method, members);
        let mut members = names(&bar);
        members.sort();
        assert_eq!(members, ["code", "errorCode", "errorMessage", "message", "ok"]);
        let bar = bar.json();
        assert_eq!((&bar["code"], &bar["message"]), (&bar["errorCode"], &bar["errorMessage"]));
    }
}

#[test]
fn the_servers_own_page_lists_exactly_these_codes() {
    let world = World::new();
    let page = world.serve().client().get("/errors");
    assert_eq!(page.status, 200);
    let rows: Vec<_> = page.body.lines().filter(|line| line.starts_with("<tr")).collect();
    // The page's head row is on the line of its table's head.
    let mut wrong = Vec::new();
    for (code, message, _) in MESSAGES {
        let message = message.replace("BF_002", "CODE").replace("AS_BO_SECRET", "CODE");
        let message = message.replace('\'', "&#39;");
        let whose = if OURS.contains(code) { ">ours<" } else { ">document<" };
        let cells = format!("<td>{code}</td><td>{message}");
        if !rows.iter().any(|row| row.contains(&cells) && row.contains(whose)) {
            wrong.push(cells);
        }
    }
    assert!(wrong.is_empty(), "not on the page: {wrong:#?}\n{}", page.body);
    assert_eq!(rows.len(), MESSAGES.len(), "{}", page.body);
}
