//! What queries answer: members, their order and their types (contract, section 1.4).

use serde_json::{Value, json};

use crate::rig::*;

fn names(json: &Json) -> Vec<&str> {
    match json {
        Json::Object(members) => members.iter().map(|(name, _)| name.as_str()).collect(),
        other => panic!("not an object: {other}"),
    }
}

fn member<'a>(json: &'a Json, name: &str) -> &'a Json {
    match json {
        Json::Object(members) => &members.iter().find(|(n, _)| n == name).expect("a member").1,
        other => panic!("not an object: {other}"),
    }
}

#[test]
fn contracts_come_by_code_with_the_number_of_live_services() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let contracts =
        |alice: &mut Caller| alice.call("getContracts", json!({"customer": "1000000"})).body;
    // Adopted: two live ones at one network, one at the other; the switched-off one does not count.
    assert_eq!(
        contracts(&mut alice),
        r#"{"ok":true,"contracts":[{"CODE":"1000274","NAME":"MarioG18","ACTIVE_SERVICES":3},{"CODE":"1900274","NAME":"MarioG19","ACTIVE_SERVICES":0}]}"#
    );
    alice.connect(SIM_1);
    assert!(contracts(&mut alice).contains(r#""ACTIVE_SERVICES":4}"#));
    let service = json!({"service": {"sim": SIM_1}, "barCode": "AS_SUS_MSISDN"});
    alice.done("addBar", service.clone());
    assert!(contracts(&mut alice).contains(r#""ACTIVE_SERVICES":4}"#), "a barred one is live");
    alice.done("disconnectService", service);
    assert!(contracts(&mut alice).contains(r#""ACTIVE_SERVICES":3}"#));
}

#[test]
fn a_customer_without_contracts_answers_like_an_unknown_one() {
    let world = World::new();
    world.apply("[[customer]]\nnumber = \"3000000\"\nname = \"Bare\"\ncontracts = []\n");
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let answers: Vec<_> = ["2000000", "3000000", "9999999"]
        .map(|customer| alice.call("getContracts", json!({"customer": customer})))
        .into();
    assert!(answers.iter().all(|answer| answer.code() == "403"), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "{answers:?}");
}

#[test]
fn a_service_is_shown_with_exactly_the_documented_members() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let code = alice.connect(SIM_1);
    let answer = alice.call("queryService", json!({"service": {"code": code}}));
    let json = Json::parse(&answer.body);
    assert_eq!(names(&json), ["ok", "service"]);
    let service = member(&json, "service");
    assert_eq!(names(service), ["nina", "network"]);
    let nina = ["code", "name", "status_code", "cli", "sim", "network", "contract", "customer"];
    assert_eq!(names(member(service, "nina")), nina);
    let value = answer.json()["service"]["nina"].clone();
    assert_eq!(value["code"], code);
    assert_eq!(value["sim"], SIM_1);
    assert_eq!(value["contract"], "1000274");
    assert_eq!(value["customer"], "1000000");
    assert_eq!(value["network"], "AS");
    assert_eq!(value["status_code"], "A");
}

#[test]
fn beside_it_stands_what_the_network_says_and_when_it_was_asked() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let network = |alice: &mut Caller, sim: &str| {
        let answer = alice.call("queryService", json!({"service": {"sim": sim}}));
        let network = answer.json()["service"]["network"].clone();
        let checked = network["checked"].as_str().unwrap_or_default().to_owned();
        assert!(checked.starts_with("20") && checked.contains('T'), "RFC 3339: {answer:?}");
        network["status"].as_str().unwrap_or_default().to_owned()
    };
    alice.connect(SIM_1);
    assert_eq!(network(&mut alice, SIM_1), "active");
    let bar = json!({"service": {"sim": SIM_1}, "barCode": "AS_SUS_MSISDN"});
    alice.done("addBar", bar.clone());
    assert_eq!(network(&mut alice, SIM_1), "suspended");
    alice.done("disconnectService", bar);
    // The SIM may be in another service by then: the network is not asked about one that is over.
    assert_eq!(network(&mut alice, SIM_1), "unknown");
    assert_eq!(alice.nina(SIM_1)["status_code"], "S");
    // Adopted without touching the network, which does not know it.
    assert_eq!(network(&mut alice, SIM_FLEET), "absent");
    assert_eq!(alice.nina(SIM_FLEET)["status_code"], "A");
    // A network that is down cannot tell: the books answer.
    assert_eq!(network(&mut alice, SIM_STUCK), "unknown");
    assert_eq!(alice.nina(SIM_STUCK)["status_code"], "A");
}

#[test]
fn all_selectors_must_name_the_same_service() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let mut code = |service: Value| alice.call("queryService", json!({"service": service})).code();
    assert_eq!(code(json!({"code": SERVICE_FLEET, "cli": CLI_FLEET, "sim": SIM_FLEET})), "ok");
    assert_eq!(code(json!({"cli": CLI_FLEET})), "ok");
    assert_eq!(code(json!({"cli": CLI_FLEET, "sim": ""})), "ok", "a blank one is not given");
    assert_eq!(code(json!({"code": SERVICE_FLEET, "sim": SIM_SAM})), "400");
    assert_eq!(code(json!({"code": SERVICE_SAM, "cli": CLI_FLEET})), "400");
    for malformed in ["05000001", "x", "5000001 ", "9999999999999999999999"] {
        assert_eq!(code(json!({"code": malformed})), "400", "{malformed:?}");
    }
    assert_eq!(code(json!({"cli": "not a number"})), "400");
    assert_eq!(code(json!({"sim": "12"})), "400");
}

#[test]
fn a_ticket_is_shown_from_its_raising_to_its_end() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let mut members = connect(SIM_1);
    members["tariffCode"] = json!("TDOWN");
    members["APNCodes"] = json!("");
    let id = alice.call("connectService", members).ticket();
    let answer = alice.call("queryTicket", json!({"ticket": {"id": id}}));
    let json = Json::parse(&answer.body);
    assert_eq!(names(&json), ["ok", "ticket"]);
    let wanted = [
        "id",
        "status",
        "type",
        "code",
        "cli",
        "sim",
        "raised",
        "finished",
        "errorCode",
        "errorMessage",
    ];
    assert_eq!(names(member(&json, "ticket")), wanted);
    let open = answer.json()["ticket"].clone();
    assert_eq!((&open["id"], &open["status"]), (&json!(id), &json!("Processing")));
    assert_eq!(open["sim"], SIM_1);
    assert!(open["raised"].as_str().is_some_and(|raised| raised.ends_with('Z')), "{open}");
    for name in ["code", "finished", "errorCode", "errorMessage"] {
        assert_eq!(open[name], Value::Null, "{name}: {open}");
    }
    world.end_outage();
    let ended = alice.ended(&id);
    assert_eq!(ended["status"], "Completed", "{ended}");
    assert!(ended["code"].is_string() && ended["finished"].is_string(), "{ended}");
    assert_eq!(ended["errorCode"], Value::Null, "{ended}");
    assert_eq!(alice.nina(SIM_1)["code"], ended["code"]);
}

#[test]
fn each_kind_of_ticket_is_called_like_the_method_that_raised_it() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let service = json!({"code": SERVICE_FLEET});
    let calls = [
        ("connectService", connect(SIM_1)),
        ("changeServiceName", json!({"service": service, "newName": "x"})),
        ("addBar", json!({"service": service, "barCode": "AS_BAR_SMS"})),
        ("removeBar", json!({"service": service, "barCode": "AS_BAR_SMS"})),
        ("addBolton", json!({"service": service, "boltonCode": "AS_BO_ROAM"})),
        ("removeBolton", json!({"service": service, "boltonCode": "AS_BO_ROAM"})),
        ("applyTemplate", json!({"service": service, "templateCode": "AS_SMALL"})),
        ("changeSIM", json!({"service": service, "newSIM": SIM_2})),
        ("disconnectService", json!({"service": service})),
    ];
    for (method, members) in calls {
        let id = alice.done(method, members);
        assert_eq!(alice.ticket(&id)["type"], method);
    }
}

#[test]
fn foreign_is_absent_byte_for_byte() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let mut bob = Caller::new(&server, "bob", BOB_PASSWORD);
    let ticket = alice.done("connectService", connect(SIM_1));
    let service = |selector: &str, value: &str| json!({"service": {selector: value}});
    let mut pairs = Vec::new();
    for (selector, foreign, absent) in [
        ("code", SERVICE_FLEET, "4999999"),
        ("cli", CLI_FLEET, "07979999999"),
        ("sim", SIM_FLEET, "8944110011462299999"),
    ] {
        for method in ["queryService", "disconnectService"] {
            pairs.push((method, service(selector, foreign), service(selector, absent)));
        }
    }
    let ticket_of = |id: &str| json!({"ticket": {"id": id}});
    pairs.push(("queryTicket", ticket_of(&ticket), ticket_of("999999")));
    let customer = |number: &str| json!({"customer": number});
    pairs.push(("getContracts", customer("1000000"), customer("7777777")));
    let order = |sim: &str, contract: &str| {
        let mut members = connect(sim);
        members["contractCode"] = json!(contract);
        members
    };
    pairs.push(("connectService", order(SIM_FOREIGN, "1000274"), order(SIM_FOREIGN, "7777777")));
    let unknown = "8944110011462299999";
    pairs.push(("connectService", order(SIM_2, "2000274"), order(unknown, "2000274")));
    for (method, foreign, absent) in pairs {
        let (foreign_answer, absent_answer) =
            (bob.call(method, foreign.clone()), bob.call(method, absent));
        assert_ne!(foreign_answer.code(), "ok", "{method} {foreign}");
        assert_eq!(foreign_answer.body, absent_answer.body, "{method} {foreign}");
        assert_eq!(foreign_answer.status, absent_answer.status, "{method} {foreign}");
    }
}
