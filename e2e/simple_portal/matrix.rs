//! The authorization matrix of the Simple Portal face: every function against everybody who must not get through it.
//!
//! [`path`] matches the route table's own type without `_`: a function without a row does not compile.

use provisor_web::simple_portal::Function;

use crate::rig::*;

/// A call that succeeds for who may make it.
fn path(function: Function) -> String {
    match function {
        Function::AccessStatus => "access/10/status".into(),
        Function::AccessEnable => format!("access/10/enable/{HASH}"),
        Function::AccessDisable => "access/10/disable".into(),
        Function::PackList => "pack/10/list".into(),
        Function::PackEnable => "pack/10/enable/web/7M".into(),
        Function::PackDisable => "pack/10/disable/web/5M".into(),
        Function::MailList => "mail/10/list".into(),
    }
}

fn changes(function: Function) -> bool {
    match function {
        Function::AccessStatus | Function::PackList | Function::MailList => false,
        Function::AccessEnable
        | Function::AccessDisable
        | Function::PackEnable
        | Function::PackDisable => true,
    }
}

struct Place {
    world: World,
    server: Server,
    key: String,
}

impl Place {
    fn new() -> Self {
        let world = World::with_tenants();
        let server = world.serve();
        let key = world.credential("backend", &[]);
        let place = Self { world, server, key };
        let mut own = place.own();
        own.done(&format!("access/10/enable/{HASH}"));
        own.done("pack/10/enable/web/5M");
        own.done("pack/10/enable/mail/2");
        place
    }

    /// A back end of tenant `closed` with this Authorization header.
    fn with(&self, authorization: &str) -> BackEnd {
        BackEnd::new(&self.server, "closed").with("Authorization", authorization)
    }

    fn own(&self) -> BackEnd {
        self.with(&format!("Bearer {}", self.key))
    }

    /// Everything that must not change when nobody gets through.
    fn picture(&self) -> (String, String, String) {
        let mut own = self.own();
        let tickets = self.world.cli(&["ticket", "list", "--json"]).succeeded().stdout;
        (tickets, own.call("access/10/status").body, own.call("pack/10/list").body)
    }
}

#[test]
fn nobody_gets_through_a_function_that_he_may_not_call() {
    let place = Place::new();
    let before = place.picture();
    let read_only = place.world.credential("backend", &["--read-only"]);
    let elsewhere = place.world.credential("elsewhere", &[]);
    let alice = place.world.credential("alice", &[]);
    for function in Function::ALL {
        let path = path(function);
        let name = function.name();
        let nothing = BackEnd::new(&place.server, "closed").call(&path);
        assert_eq!(nothing.status, 401, "{name}, no credential: {nothing:?}");
        assert!(nothing.header("www-authenticate").is_some_and(|w| w.starts_with("Basic ")));
        let foreign_network = BackEnd::new(&place.server, "elsewhere").call(&path);
        assert_eq!(foreign_network.status, 401, "{name}, from another network");
        for (what, authorization, status) in [
            ("a wrong password", basic("backend", "not-the-password"), 401),
            ("an unknown user", basic("nobody", BACKEND_PASSWORD), 401),
            ("no credential at all", "Bearer abc".to_owned(), 401),
            ("another scheme", "Digest x".to_owned(), 401),
            ("another tenant's password", basic("elsewhere", ELSEWHERE_PASSWORD), 403),
            ("another tenant's key", format!("Bearer {elsewhere}"), 403),
            ("a user of the other face", basic("alice", ALICE_PASSWORD), 403),
            ("a key of the other face", format!("Bearer {alice}"), 403),
        ] {
            let answer = place.with(&authorization).call(&path);
            assert_eq!(answer.status, status, "{name}, {what}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        }
        if changes(function) {
            let answer = place.with(&format!("Bearer {read_only}")).call(&path);
            assert_eq!(answer.status, 403, "{name}, a key for reading: {answer:?}");
        }
        // An open network does not help who shows a wrong credential.
        let mut mistaken =
            BackEnd::new(&place.server, "kommitt").with("Authorization", "Bearer abc");
        assert_eq!(mistaken.call(&path).status, 401, "{name}, mistaken inside");
        for verb in ["HEAD", "OPTIONS", "PUT", "DELETE"] {
            place.own().send(verb, &path);
        }
    }
    assert_eq!(place.picture(), before, "something came through");
}

#[test]
fn who_may_gets_through_every_function() {
    let place = Place::new();
    let own_password = basic("backend", BACKEND_PASSWORD);
    let key_as_password = basic("backend", &place.key);
    let bearer = format!("Bearer {}", place.key);
    // What ends the pack comes last for each, so that the others find it.
    for authorization in [own_password, key_as_password, bearer] {
        let mut backend = place.with(&authorization);
        backend.done("pack/10/enable/web/5M");
        for function in [
            Function::AccessStatus,
            Function::PackList,
            Function::MailList,
            Function::PackDisable,
            Function::PackEnable,
            Function::AccessDisable,
            Function::AccessEnable,
        ] {
            let answer = backend.call(&path(function));
            assert_eq!(answer.status, 200, "{}: {answer:?}", function.name());
        }
    }
    assert_eq!(Function::ALL.len(), 7, "each of them is in the list above");
}

#[test]
fn a_back_end_is_nobody_on_the_other_face_and_another_tenants_customer_is_absent() {
    let place = Place::new();
    let mut caller = Caller::new(&place.server, "backend", BACKEND_PASSWORD);
    let contracts = serde_json::json!({"customer": "1000000"});
    assert_eq!(caller.call("getContracts", contracts).code(), "100");
    let mut kommitt = BackEnd::new(&place.server, "kommitt");
    assert_eq!(kommitt.done("access/10/status")["found"], false);
    assert_eq!(kommitt.call("pack/10/list").status, 404);
    // Nor does a ticket of this face answer on that one.
    let mut alice = Caller::alice(&place.server);
    let ticket = serde_json::json!({"ticket": {"id": "1224"}});
    assert_eq!(alice.call("queryTicket", ticket).code(), "401");
}

#[test]
fn a_locked_back_end_and_a_revoked_key_stop_working_within_a_second() {
    let place = Place::new();
    place.world.cli(&["user", "lock", "backend"]).succeeded();
    let mut own = place.own();
    own.soon(401);
    place.world.cli(&["user", "unlock", "backend"]).succeeded();
    own.soon(200);
    place.world.revoke("backend");
    own.soon(401);
}

#[test]
fn a_web_page_cannot_make_a_browser_change_anything_and_a_hidden_proxy_opens_nothing() {
    let place = Place::new();
    let mut kommitt = BackEnd::new(&place.server, "kommitt");
    kommitt.done(&format!("access/10/enable/{HASH}"));
    let with = |name: &str, value: &str| BackEnd::new(&place.server, "kommitt").with(name, value);
    for (name, value, status) in [
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-origin", 403),
        ("Origin", "http://elsewhere.example", 403),
        ("Sec-Fetch-Site", "none", 200),
        ("Via", "1.1 proxy", 401),
        ("X-Forwarded-Proto", "https", 401),
        ("CF-Connecting-IP", "192.0.2.1", 401),
    ] {
        let answer = with(name, value).call("access/10/disable");
        assert_eq!(answer.status, status, "{name}: {value}: {answer:?}");
        if status == 200 {
            kommitt.done(&format!("access/10/enable/{HASH}"));
        }
    }
    // Reading is not changing, and who shows credentials acts for himself.
    assert_eq!(with("Sec-Fetch-Site", "cross-site").call("access/10/status").status, 200);
    let key = format!("Bearer {}", place.key);
    let mut own = place.with(&key).with("Origin", "http://elsewhere.example");
    assert_eq!(own.call("access/10/disable").status, 200);
    assert_eq!(kommitt.done("access/10/status")["enabled"], true);
}
