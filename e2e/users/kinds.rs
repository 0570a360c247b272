//! What the three kinds of user reach, and how the edge of it looks from inside.

use serde_json::json;

use crate::rig::*;

#[test]
fn an_account_user_reaches_everything_under_his_customers() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    for sim in [SIM_FLEET, SIM_SAM, SIM_STUCK, SIM_OFF] {
        assert_eq!(alice.nina(sim)["customer"], "1000000");
    }
    assert_eq!(
        alice.call("queryService", json!({"service": {"sim": SIM_FOREIGN_LIVE}})).code(),
        "400"
    );
}

#[test]
fn a_group_user_reaches_the_services_of_the_group() {
    let world = World::new();
    let server = world.serve();
    let mut gina = Caller::new(&server, "gina", GINA_PASSWORD);
    assert_eq!(gina.nina(SIM_FLEET)["code"], SERVICE_FLEET);
    let outside = gina.call("queryService", json!({"service": {"sim": SIM_SAM}}));
    assert_eq!(outside.code(), "105");
    let rename = json!({"service": {"code": SERVICE_SAM}, "newName": "x"});
    assert_eq!(gina.call("changeServiceName", rename).code(), "105");
    let foreign = gina.call("queryService", json!({"service": {"sim": SIM_FOREIGN_LIVE}}));
    assert_eq!(foreign.code(), "400", "another customer's service is absent, not forbidden");
    // What she connects belongs to her group.
    let id = gina.done("connectService", connect(SIM_1));
    assert_eq!(gina.nina(SIM_1)["code"], gina.ticket(&id)["code"]);
}

#[test]
fn a_service_user_reaches_one_service() {
    let world = World::new();
    let server = world.serve();
    let mut sam = Caller::new(&server, "sam", SAM_PASSWORD);
    assert_eq!(sam.nina(SIM_SAM)["code"], SERVICE_SAM);
    sam.done("changeServiceName", json!({"service": {"code": SERVICE_SAM}, "newName": "Mine"}));
    for selector in [json!({"code": SERVICE_FLEET}), json!({"cli": CLI_FLEET})] {
        assert_eq!(sam.call("queryService", json!({"service": selector})).code(), "105");
    }
}

#[test]
fn a_ticket_of_a_service_outside_the_kind_is_absent() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let rename = |code: &str| json!({"service": {"code": code}, "newName": "x"});
    let of_fleet = alice.done("changeServiceName", rename(SERVICE_FLEET));
    let of_sam = alice.done("changeServiceName", rename(SERVICE_SAM));
    let mut sam = Caller::new(&server, "sam", SAM_PASSWORD);
    assert_eq!(sam.ticket(&of_sam)["code"], SERVICE_SAM);
    assert_eq!(sam.call("queryTicket", json!({"ticket": {"id": of_fleet}})).code(), "401");
    let mut gina = Caller::new(&server, "gina", GINA_PASSWORD);
    assert_eq!(gina.ticket(&of_fleet)["code"], SERVICE_FLEET);
    assert_eq!(gina.call("queryTicket", json!({"ticket": {"id": of_sam}})).code(), "401");
}
