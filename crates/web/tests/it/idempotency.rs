//! The `Idempotency-Key` header (contract, section 1.1).

use provisor_domain::user::CredentialUse;
use serde_json::{Value, json};

use crate::rig::*;

const REPLAYED: &str = "idempotent-replayed";

fn rename(name: &str) -> Value {
    json!({"service": {"code": "5000001"}, "newName": name})
}

#[tokio::test]
async fn a_repeated_call_gets_the_first_answer_whatever_became_of_the_ticket() {
    let world = World::new().await;
    let first = world.call_with_key("key", "changeServiceName", rename("One")).await;
    assert_eq!(first.header(REPLAYED), None);
    let same = async || {
        let again = world.call_with_key("key", "changeServiceName", rename("One")).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header(REPLAYED), Some("true"));
    };
    same().await;
    let runner = world.run();
    world.ended(&first.ticket()).await;
    same().await;
    drop(runner);
}

#[tokio::test]
async fn neither_credential_nor_spelling_makes_another_request() {
    let world = World::new().await;
    let credential = world.credential(CredentialUse::Write).await;
    let post = async |body: String| {
        let request =
            axum::http::Request::post("/v1/changeServiceName").header("Idempotency-Key", "key");
        world.send(request.body(body.into()).unwrap()).await
    };
    let user = r#""user":{"username":"MarioG","password":"Stuttgart"}"#;
    let first = post(format!(r#"{{{user},"service":{{"code":"5000001"}},"newName":"One"}}"#)).await;
    first.ticket();
    let other = format!(r#"{{"username":"MarioG","password":"{credential}"}}"#);
    for again in [
        format!(r#"{{"newName":"One", "service": {{ "code":"5000001" }},{user}}}"#),
        format!(r#"{{{user},"service":{{"c\u006fde":"5000001"}},"newName":"\u004fne"}}"#),
        format!(r#"{{"user":{other},"service":{{"code":"5000001"}},"newName":"One"}}"#),
    ] {
        let answer = post(again).await;
        assert_eq!((&answer.body, answer.header(REPLAYED)), (&first.body, Some("true")));
    }
    let other =
        post(format!(r#"{{{user},"service":{{"code":"5000001"}},"newName":"Other"}}"#)).await;
    assert_eq!(other.code(), "305");
    assert_eq!(other.message(), "Idempotency-Key was used with another request.");
}

#[tokio::test]
async fn a_key_has_1_to_255_visible_characters_and_is_given_once() {
    let world = World::new().await;
    let long = "k".repeat(256);
    for bad in ["", "a b", "schlüssel", &long] {
        let answer = world.call_with_key(bad, "changeServiceName", rename("One")).await;
        assert_eq!(answer.code(), "303", "{bad:?}");
    }
    let twice = axum::http::Request::post("/v1/changeServiceName")
        .header("Idempotency-Key", "one")
        .header("Idempotency-Key", "other");
    let twice = world.send(twice.body(body("MarioG", rename("One")).into()).unwrap()).await;
    assert_eq!(twice.code(), "303");
    world.call_with_key(&long[1..], "changeServiceName", rename("One")).await.ticket();
}

#[tokio::test]
async fn a_support_case_is_raised_once_a_key() {
    let world = World::new().await;
    let members = || json!({"ticketType": "QUESTION", "message": "Hello"});
    let first = world.call_with_key("key", "raiseTicket", members()).await.ticket();
    let again = world.call_with_key("key", "raiseTicket", members()).await.ticket();
    assert_eq!(first, again);
    let other = json!({"ticketType": "QUESTION", "message": "Goodbye"});
    assert_eq!(world.call_with_key("key", "raiseTicket", other).await.code(), "305");
}

#[tokio::test]
async fn a_query_takes_no_notice_of_a_key() {
    let world = World::new().await;
    let answer = world.call_with_key("not a key", "getContracts", json!({"customer": "1000000"}));
    assert_eq!(answer.await.code(), "ok");
}
