//! Every method at its best: what it answers, byte for byte where the contract says so.

use provisor_domain::user::CredentialUse;
use provisor_web::ccc::Method;
use serde_json::{Value, json};

use crate::rig::*;

/// What a method is called with so that it succeeds for `MarioG`. No `_`: a method without a row does not compile.
fn members(method: Method) -> Value {
    let service = json!({"code": "5000001"});
    match method {
        Method::GetContracts => json!({"customer": "1000000"}),
        Method::ConnectService => connect(SIM_1),
        Method::DisconnectService | Method::QueryService => json!({"service": service}),
        Method::ChangeServiceName => json!({"service": service, "newName": "IMK Testing 2"}),
        Method::AddBar | Method::RemoveBar => {
            json!({"service": service, "barCode": "AS_SUS_MSISDN"})
        }
        Method::QueryTicket => json!({"ticket": {"id": "1224"}}),
        Method::AddBolton | Method::RemoveBolton => {
            json!({"service": service, "boltonCode": "AS_BO_ROAM"})
        }
        Method::ApplyTemplate => json!({"service": service, "templateCode": "AS_SMALL"}),
        Method::ChangeSim => json!({"service": service, "newSIM": SIM_LONG}),
        Method::RaiseTicket => json!({"ticketType": "QUESTION", "message": "Hello"}),
    }
}

#[tokio::test]
async fn every_method_that_raises_a_ticket_answers_with_it_and_the_ticket_is_carried_out() {
    let world = World::new().await;
    let runner = world.run();
    let mut methods: Vec<_> = Method::ALL.into_iter().filter(|m| m.raises_ticket()).collect();
    // What ends the service comes last, so that the others find it live.
    methods.sort_by_key(|method| matches!(method, Method::DisconnectService));
    for method in methods {
        let id = world.call(method.name(), members(method)).await.ticket();
        let shown = match method {
            Method::RaiseTicket => {
                world.call("queryTicket", json!({"ticket": {"id": id}})).await.json()["ticket"]
                    .clone()
            }
            _ => world.ended(&id).await,
        };
        let status = if method == Method::RaiseTicket { "Processing" } else { "Completed" };
        assert_eq!(shown["status"], status, "{shown}");
        assert_eq!(shown["type"], method.name(), "{shown}");
    }
    drop(runner);
}

#[tokio::test]
async fn a_read_only_credential_may_query_and_nothing_else() {
    let world = World::new().await;
    world.call("disconnectService", json!({"service": {"code": "5000002"}})).await.ticket();
    let credential = world.credential(CredentialUse::Read).await;
    for method in Method::ALL {
        let mut members = members(method);
        members["user"] = json!({"username": "MarioG", "password": credential});
        let answer = world.post(&format!("/v1/{}", method.name()), members.to_string()).await;
        let wanted = if method.raises_ticket() { "100" } else { "ok" };
        assert_eq!(answer.code(), wanted, "{}: {answer:?}", method.name());
    }
}

#[tokio::test]
async fn contracts_are_answered_as_the_document_prints_them() {
    let world = World::new().await;
    let answer = world.call("getContracts", json!({"customer": 1_000_000})).await;
    assert_eq!(
        answer.body,
        r#"{"ok":true,"contracts":[{"CODE":"1000274","NAME":"MarioG18","ACTIVE_SERVICES":2},{"CODE":"1900274","NAME":"Mario \"G\" 19","ACTIVE_SERVICES":0}]}"#
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_service_is_answered_as_the_document_prints_it_with_the_network_beside_it() {
    let world = World::new().await;
    let runner = world.run();
    let ticket = world.done("connectService", connect(SIM_1)).await;
    let code = ticket["code"].as_str().unwrap();
    let answer = world.call("queryService", json!({"service": {"sim": SIM_1}})).await;
    let checked = answer.json()["service"]["network"]["checked"].as_str().unwrap().to_owned();
    assert!(checked.parse::<jiff::Timestamp>().is_ok() && checked.ends_with('Z'), "{checked}");
    let cli = answer.json()["service"]["nina"]["cli"].as_str().unwrap().to_owned();
    assert!(cli.starts_with("07700900"), "{cli}");
    assert_eq!(
        answer.body,
        format!(
            r#"{{"ok":true,"service":{{"nina":{{"code":"{code}","name":"IMK Test","status_code":"A","cli":"{cli}","sim":"{SIM_1}","network":"AS","contract":"1000274","customer":"1000000"}},"network":{{"status":"active","checked":"{checked}"}}}}}}"#
        )
    );
    world.done("addBar", json!({"service": {"sim": SIM_1}, "barCode": "AS_SUS_MSISDN"})).await;
    let barred = world.call("queryService", json!({"service": {"sim": SIM_1}})).await.json();
    assert_eq!(barred["service"]["nina"]["status_code"], "B");
    assert_eq!(barred["service"]["network"]["status"], "suspended");
    drop(runner);
}

#[tokio::test]
async fn a_ticket_is_shown_before_and_after_its_end() {
    let world = World::new().await;
    let id = world.call("connectService", connect(SIM_1)).await.ticket();
    let answer = world.call("queryTicket", json!({"ticket": {"id": id}})).await;
    let raised = answer.json()["ticket"]["raised"].as_str().unwrap().to_owned();
    assert!(raised.parse::<jiff::Timestamp>().is_ok() && raised.ends_with('Z'), "{raised}");
    assert_eq!(
        answer.body,
        format!(
            r#"{{"ok":true,"ticket":{{"id":"{id}","status":"Processing","type":"connectService","code":null,"cli":null,"sim":"{SIM_1}","raised":"{raised}","finished":null,"errorCode":null,"errorMessage":null}}}}"#
        )
    );
    let runner = world.run();
    let ended = world.ended(&id).await;
    assert_eq!(ended["status"], "Completed");
    assert!(ended["finished"].is_string() && ended["code"].is_string(), "{ended}");
    drop(runner);
}

#[tokio::test]
async fn a_support_case_is_open_until_people_close_it() {
    let world = World::new().await;
    let members = json!({"ticketType": "PORT_IN", "message": "Bring\nthis number over",
        "file": {"name": "letter.txt", "content": "SGVsbG8="}, "service": {"code": 5_000_001}});
    let id = world.call("raiseTicket", members).await.ticket();
    let case =
        world.call("queryTicket", json!({"ticket": {"id": id}})).await.json()["ticket"].clone();
    assert_eq!(case["status"], "Processing");
    assert_eq!((&case["type"], &case["code"]), (&json!("raiseTicket"), &json!("5000001")));
    assert_eq!((&case["sim"], &case["finished"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn both_prefixes_and_any_content_type_lead_to_the_same_answer() {
    let world = World::new().await;
    let body = body("MarioG", json!({"customer": "1000000"}));
    let plain = world.post("/api/v1/getContracts", body.clone()).await;
    assert_eq!(plain.code(), "ok");
    for kind in ["application/json", "text/plain", "nonsense"] {
        let request = axum::http::Request::post("/v1/getContracts").header("Content-Type", kind);
        assert_eq!(world.send(request.body(body.clone().into()).unwrap()).await.body, plain.body);
    }
}
