//! The authorization matrix: every method of the route table against everybody who must not get through it.
//!
//! [`row`] matches the route table's own type without `_`: a method without a row does not compile.

use provisor_web::ccc::Method;
use serde_json::{Value, json};

use crate::rig::*;

/// What a method is called with, and what those who must not get through are answered.
struct Row {
    /// Members that succeed for alice.
    members: Value,
    /// The code for a user of another customer.
    foreign: &'static str,
    /// The code for a user of the same customer whose kind does not reach the service; `None` where the method names
    /// no service and kinds make no difference.
    narrower: Option<&'static str>,
}

fn row(method: Method, ticket: &str) -> Row {
    let service = json!({"code": SERVICE_FLEET});
    let on_service = |name: &str, value: &str| {
        let mut members = json!({"service": service});
        members[name] = json!(value);
        Row { members, foreign: "400", narrower: Some("105") }
    };
    match method {
        Method::GetContracts => {
            Row { members: json!({"customer": "1000000"}), foreign: "403", narrower: None }
        }
        // A user of one service cannot connect a second one.
        Method::ConnectService => {
            Row { members: connect(SIM_1), foreign: "403", narrower: Some("105") }
        }
        Method::DisconnectService | Method::QueryService => {
            Row { members: json!({"service": service}), foreign: "400", narrower: Some("105") }
        }
        Method::ChangeServiceName => on_service("newName", "x"),
        Method::AddBar | Method::RemoveBar => on_service("barCode", "AS_SUS_MSISDN"),
        Method::QueryTicket => Row {
            members: json!({"ticket": {"id": ticket}}),
            foreign: "401",
            narrower: Some("401"),
        },
        Method::AddBolton | Method::RemoveBolton => on_service("boltonCode", "AS_BO_ROAM"),
        Method::ApplyTemplate => on_service("templateCode", "AS_SMALL"),
        Method::ChangeSim => on_service("newSIM", SIM_2),
        Method::RaiseTicket => Row {
            members: json!({"ticketType": "QUESTION", "message": "Hello", "service": service}),
            foreign: "400",
            narrower: Some("105"),
        },
    }
}

/// Everything that must not change when nobody gets through: the database's tickets and the service.
fn picture(world: &World, alice: &mut Caller) -> (String, Value) {
    let tickets = world.cli(&["ticket", "list", "--json"]).succeeded().stdout;
    (tickets, alice.nina(SIM_FLEET))
}

#[test]
fn nobody_gets_through_a_method_that_he_may_not_call() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let ticket = alice.done(
        "changeServiceName",
        json!({"service": {"code": SERVICE_FLEET}, "newName": "Before"}),
    );
    let before = picture(&world, &mut alice);
    let mut bob = Caller::new(&server, "bob", BOB_PASSWORD);
    let mut sam = Caller::new(&server, "sam", SAM_PASSWORD);
    let mut wrong = Caller::new(&server, "alice", "not-her-password");
    let mut http = server.client();
    for method in Method::ALL {
        let (name, row) = (method.name(), row(method, &ticket));
        let without_user = http.post(&format!("/api/v1/{name}"), &row.members.to_string());
        assert_eq!(without_user.code(), "100", "{name} without a user");
        assert_eq!(wrong.call(name, row.members.clone()).code(), "100", "{name}, wrong password");
        assert_eq!(bob.call(name, row.members.clone()).code(), row.foreign, "{name}, foreign");
        if let Some(code) = row.narrower {
            assert_eq!(sam.call(name, row.members.clone()).code(), code, "{name}, narrower kind");
        }
    }
    assert_eq!(picture(&world, &mut alice), before, "something came through");
}

#[test]
fn she_who_may_gets_through_every_method() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let rename = json!({"service": {"code": SERVICE_FLEET}, "newName": "Before"});
    let ticket = alice.done("changeServiceName", rename);
    // What ends the service comes last, so that the others find it live.
    let mut methods: Vec<_> = Method::ALL.into_iter().collect();
    methods.sort_by_key(|method| matches!(method, Method::DisconnectService));
    for method in methods {
        let answer = alice.call(method.name(), row(method, &ticket).members);
        assert_eq!(answer.code(), "ok", "{}: {answer:?}", method.name());
        let raised = answer.json()["ticket"]["id"].as_str().map(str::to_owned);
        if let Some(id) = raised.filter(|_| !matches!(method, Method::RaiseTicket)) {
            assert_eq!(alice.ended(&id)["status"], "Completed", "{}", method.name());
        }
    }
}
