//! Every code, provoked, with its envelope and HTTP status.

use axum::http::StatusCode;
use serde_json::json;

use crate::rig::*;

#[tokio::test]
async fn errors_are_answered_with_the_documented_members_and_messages() {
    let world = World::new().await;
    world.call("disconnectService", json!({"service": {"code": "5000002"}})).await.ticket();
    let active = json!({"code": "5000001"});
    let with = |member: &str, value: &str| {
        let mut members = connect(SIM_1);
        members[member] = if value.is_empty() { json!(null) } else { json!(value) };
        ("connectService", members)
    };
    let on = |method: &'static str, member: &str, value: &str| {
        (method, json!({"service": active, member: value}))
    };
    let plain = |method: &'static str| (method, json!({}));
    let cases = [
        (
            ("disconnectService", json!({"service": {"code": "5000002"}})),
            ("101", "Service Locked. Another ticket is processing."),
        ),
        (
            on("addBolton", "boltonCode", "AS_BO_SECRET"),
            ("103", "You do not have permission to update this Bolt On (AS_BO_SECRET)"),
        ),
        (plain("queryService"), ("104", "'service' missing.")),
        (on("addBar", "barCode", " "), ("200", "'barCode' missing.")),
        (plain("raiseTicket"), ("201", "'ticketType' missing.")),
        (("raiseTicket", json!({"ticketType": "QUESTION"})), ("202", "'message' missing.")),
        (
            ("raiseTicket", json!({"ticketType": "PORT_IN", "message": "x"})),
            ("203", "'file' missing."),
        ),
        (on("removeBolton", "boltonCode", ""), ("204", "'boltonCode' missing.")),
        (on("changeServiceName", "newName", ""), ("205", "'newName' missing.")),
        (with("contractCode", ""), ("206", "'contractCode' missing.")),
        (on("applyTemplate", "templateCode", ""), ("207", "'templateCode' missing.")),
        (with("sim", ""), ("208", "'sim' missing.")),
        (on("changeSIM", "newSIM", ""), ("208", "'newSIM' missing.")),
        (plain("getContracts"), ("209", "'customer' missing.")),
        (with("tariffCode", ""), ("210", "'tariffCode' missing.")),
        (with("name", ""), ("211", "'name' missing.")),
        (plain("queryTicket"), ("212", "'ticket' missing.")),
        (with("sim", "1"), ("300", "'sim' invalid.")),
        (on("changeSIM", "newSIM", "1"), ("300", "'newSIM' invalid.")),
        (
            ("raiseTicket", json!({"ticketType": "NOPE", "message": "x"})),
            ("301", "'ticketType' invalid."),
        ),
        (
            ("disconnectService", json!({"service": {"code": "5000003"}})),
            ("302", "Service is not Active."),
        ),
        (with("name", "a\nb"), ("304", "'name' invalid.")),
        (on("changeServiceName", "newName", "a\nb"), ("304", "'newName' invalid.")),
        (
            ("queryService", json!({"service": {"code": "4999999"}})),
            ("400", "Could not find Service."),
        ),
        (("queryTicket", json!({"ticket": {"id": "999999"}})), ("401", "Could not find Ticket")),
        (with("sim", SIM_OTHER), ("402", "SIM not available to Customer")),
        (with("contractCode", "2000274"), ("403", "Could not find Contract")),
        (on("applyTemplate", "templateCode", "NOPE"), ("404", "Could not find Template")),
        (with("APNCodes", "NOPE"), ("405", "Could not find APN")),
        (with("tariffCode", "NOPE"), ("406", "Could not find Tariff.")),
    ];
    for ((method, members), wanted) in cases {
        let answer = world.call(method, members.clone()).await;
        let (code, message) = wanted;
        let envelope = format!(r#"{{"ok":false,"errorCode":"{code}","errorMessage":"{message}"}}"#);
        assert_eq!(answer.body, envelope, "{method} {members}");
        assert_eq!(answer.status, StatusCode::OK, "{method} {members}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_refused_bar_carries_both_pairs_of_members() {
    let world = World::new().await;
    for method in ["addBar", "removeBar"] {
        let members = json!({"service": {"code": "5000001"}, "barCode": "BF_002"});
        let message = "You do not have permission to update this Bar (BF_002)";
        assert_eq!(
            world.call(method, members).await.body,
            format!(
                r#"{{"ok":false,"errorCode":"102","errorMessage":"{message}","code":"102","message":"{message}"}}"#
            )
        );
    }
}

#[tokio::test]
async fn a_user_who_does_not_reach_a_service_is_told_so_and_a_stranger_is_not() {
    let world = World::new().await;
    let service = json!({"service": {"code": "5000001"}});
    let sam = world.call_as("Sam", "queryService", service.clone()).await;
    assert_eq!(sam.code(), "105");
    assert_eq!(sam.message(), "You do not have premission to access this service.");
    let stranger = world.call_as("Other", "queryService", service).await;
    let absent = world.call_as("Other", "queryService", json!({"service": {"code": "1"}})).await;
    assert_eq!((stranger.code().as_str(), &stranger.body), ("400", &absent.body));
}

#[tokio::test]
async fn who_cannot_be_signed_in_is_told_one_thing() {
    let world = World::new().await;
    let user = |user| json!({"user": user, "customer": "1000000"}).to_string();
    let wanted = r#"{"ok":false,"errorCode":"100","errorMessage":"Authentication failed."}"#;
    for user in [
        user(json!({"username": "MarioG", "password": "wrong"})),
        user(json!({"username": "nobody", "password": "Stuttgart"})),
        user(json!({"username": "MarioG"})),
        user(json!({"username": "backend", "password": "Stuttgart"})),
        user(json!(null)),
    ] {
        let answer = world.post("/v1/getContracts", user).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, wanted));
    }
}

#[tokio::test]
async fn a_fault_is_answered_and_not_explained() {
    let world = World::new().await;
    let service = json!({"service": {"code": "5000001"}});
    assert_eq!(world.call("queryService", service.clone()).await.code(), "ok");
    let database = rusqlite::Connection::open(world.database()).unwrap();
    database.execute("ALTER TABLE service RENAME TO service_gone", []).unwrap();
    let answer = world.call("queryService", service).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let wanted = r#"{"ok":false,"errorCode":"001","errorMessage":"Internal Error."}"#;
    assert_eq!(answer.body, wanted);
}

#[tokio::test]
async fn maintenance_is_told_with_a_time_to_come_back() {
    let world = World::new().await;
    world.maintenance(true).await;
    let answer = world.call("getContracts", json!({"customer": "1000000"})).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), Some("30"));
    let wanted =
        r#"{"ok":false,"errorCode":"000","errorMessage":"Zygo portal undergoing maintenance."}"#;
    assert_eq!(answer.body, wanted);
    world.maintenance(false).await;
    assert_eq!(world.call("getContracts", json!({"customer": "1000000"})).await.code(), "ok");
}
