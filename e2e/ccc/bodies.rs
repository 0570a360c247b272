//! What a body may look like (contract, section 1.1): identifiers as strings or integers, unknown members ignored,
//! and never a guess where the text is ambiguous.

use serde_json::json;

use crate::rig::*;

/// A body with alice's `user` block and `members`, written as they stand.
fn raw(members: &str) -> String {
    format!(r#"{{"user":{{"username":"alice","password":"{ALICE_PASSWORD}"}},{members}}}"#)
}

fn post(server: &Server, method: &str, members: &str) -> Answer {
    server.client().post(&format!("/api/v1/{method}"), &raw(members))
}

#[test]
fn identifiers_may_be_integers_and_are_answered_as_strings() {
    let world = World::new();
    let server = world.serve();
    let contracts = post(&server, "getContracts", r#""customer":1000000"#);
    assert_eq!(contracts.code(), "ok", "{contracts:?}");
    assert_eq!(contracts.json()["contracts"][0]["CODE"], "1000274");
    let query = post(&server, "queryService", &format!(r#""service":{{"code":{SERVICE_FLEET}}}"#));
    assert_eq!(query.json()["service"]["nina"]["code"], SERVICE_FLEET, "{query:?}");
    let by_sim = post(&server, "queryService", &format!(r#""service":{{"sim":{SIM_FLEET}}}"#));
    assert_eq!(by_sim.json()["service"]["nina"]["sim"], SIM_FLEET, "{by_sim:?}");
}

#[test]
fn an_iccid_is_read_to_the_last_digit_when_it_is_a_number() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    // 19 and 22 digits; a floating-point number holds 15 of them.
    for sim in [SIM_1, SIM_LONG] {
        let members = format!(
            r#""sim":{sim},"name":"Unit","contractCode":1000274,"tariffCode":"TEASEU1000MB""#
        );
        let ticket = post(&server, "connectService", &members).ticket();
        assert_eq!(alice.ended(&ticket)["status"], "Completed");
        let answer = post(&server, "queryTicket", &format!(r#""ticket":{{"id":{ticket}}}"#));
        assert_eq!(answer.json()["ticket"]["sim"], sim, "{answer:?}");
    }
    for digits in 18..=22 {
        let unknown = &"8999999999999999999999"[..digits];
        let members = connect_raw(unknown);
        assert_eq!(post(&server, "connectService", &members).code(), "402", "{unknown}");
    }
    for form in ["89999999999999999", "89999999999999999999999"] {
        assert_eq!(post(&server, "connectService", &connect_raw(form)).code(), "300", "{form}");
    }
}

fn connect_raw(sim: &str) -> String {
    format!(r#""sim":{sim},"name":"Unit","contractCode":"1000274","tariffCode":"TEASEU1000MB""#)
}

#[test]
fn a_number_that_is_not_a_plain_integer_is_no_identifier() {
    let world = World::new();
    let server = world.serve();
    for number in ["1000000.0", "1e6", "1E6", "-1000000", "true", "[]", "[1000000]", "{}"] {
        let answer = post(&server, "getContracts", &format!(r#""customer":{number}"#));
        assert_eq!((answer.status, answer.code().as_str()), (200, "303"), "{number}: {answer:?}");
    }
}

#[test]
fn a_member_of_the_wrong_type_is_an_error_that_says_where() {
    let world = World::new();
    let server = world.serve();
    let cases = [
        ("getContracts", r#""customer":{}"#, "customer"),
        ("queryService", r#""service":"07979123456""#, "service"),
        ("queryService", r#""service":["07979123456"]"#, "service"),
        ("queryService", r#""service":{"cli":{}}"#, "cli"),
        ("changeServiceName", r#""service":{"code":"5000001"},"newName":[]"#, "newName"),
        ("addBar", r#""service":{"code":"5000001"},"barCode":false"#, "barCode"),
        ("queryTicket", r#""ticket":{"id":[]}"#, "id"),
        ("connectService", r#""sim":"8910390000015161790","APNCodes":{"a":1}"#, "APNCodes"),
    ];
    for (method, members, place) in cases {
        let answer = post(&server, method, members);
        assert_eq!((answer.status, answer.code().as_str()), (200, "303"), "{members}: {answer:?}");
        let message = answer.json()["errorMessage"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with("Request invalid: "), "{message}");
        assert!(message.contains(place), "{members}: {message}");
    }
    for user in ["\"alice\"", "[]", r#"{"username":{},"password":"x"}"#] {
        let body = format!(r#"{{"user":{user},"customer":"1000000"}}"#);
        assert_eq!(server.client().post("/api/v1/getContracts", &body).code(), "303", "{user}");
    }
}

#[test]
fn a_member_given_twice_is_an_error_never_a_guess() {
    let world = World::new();
    let server = world.serve();
    let cases = [
        ("getContracts", r#""customer":"1000000","customer":"1000000""#),
        ("getContracts", r#""customer":"1000000","user":{"username":"bob","password":"x"}"#),
        ("getContracts", r#""customer":"1000000","cust\u006fmer":"1000000""#),
        ("getContracts", r#""customer":"1000000","extra":{"a":1,"a":2}"#),
        ("queryService", r#""service":{"code":"5000001","code":"5000002"}"#),
        ("addBar", r#""service":{"code":"5000001"},"barCode":"AS_SUS_MSISDN","barCode":"BF_002""#),
    ];
    for (method, members) in cases {
        assert_eq!(post(&server, method, members).code(), "303", "{members}");
    }
}

#[test]
fn nesting_of_32_is_read_and_of_33_is_not() {
    let world = World::new();
    let server = world.serve();
    // The body itself is the first level.
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!(r#""customer":"1000000","extra":{open}{close}"#)
    };
    assert_eq!(post(&server, "getContracts", &nested(32)).code(), "ok");
    assert_eq!(post(&server, "getContracts", &nested(33)).code(), "303");
    assert_eq!(post(&server, "getContracts", &nested(200_000)).code(), "303");
}

#[test]
fn unknown_members_are_ignored_wherever_they_are() {
    let world = World::new();
    let server = world.serve();
    let members = r#""customer":"1000000","Customer":"2000000","extra":{"deep":[1,2.5,null]},"":0"#;
    assert_eq!(post(&server, "getContracts", members).code(), "ok");
    let members = r#""service":{"code":"5000001","colour":"red"},"newSIM":"8910390000015161790""#;
    assert_eq!(post(&server, "queryService", members).code(), "ok");
}

#[test]
fn apn_codes_may_be_one_several_in_a_text_or_a_list() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let both = "AS_APN_CROUT,AS_APN_PRIVATE";
    let spellings = [
        (SIM_1, json!(both)),
        (SIM_2, json!("AS_APN_CROUT; AS_APN_PRIVATE")),
        (SIM_3, json!(["AS_APN_CROUT", "AS_APN_PRIVATE"])),
        (SIM_OWN_NUMBER, json!("AS_APN_CROUT AS_APN_PRIVATE")),
        (SIM_LONG, json!(null)),
    ];
    for (sim, apns) in spellings {
        let mut members = connect(sim);
        members["APNCodes"] = apns;
        alice.done("connectService", members);
    }
    let mut one_unknown = connect(SIM_1);
    one_unknown["sim"] = json!(SIM_FLEET);
    one_unknown["APNCodes"] = json!("AS_APN_CROUT,NOPE");
    assert_eq!(alice.call("connectService", one_unknown).code(), "405");
}

#[test]
fn a_name_is_counted_in_characters() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let service = json!({"code": SERVICE_FLEET});
    let fifty = "ä€😀".repeat(17)[..].chars().take(50).collect::<String>();
    alice.done("changeServiceName", json!({"service": service, "newName": fifty}));
    assert_eq!(alice.nina(SIM_FLEET)["name"], fifty);
    for bad in [format!("{fifty}x"), "a\nb".to_owned(), "a\u{85}b".to_owned()] {
        let members = json!({"service": service, "newName": bad});
        assert_eq!(alice.call("changeServiceName", members).code(), "304", "{bad:?}");
    }
    let lone_surrogate = r#""service":{"code":"5000001"},"newName":"\ud800""#;
    let answer = post(&server, "changeServiceName", lone_surrogate);
    assert_eq!(answer.code(), "303", "{answer:?}");
}
