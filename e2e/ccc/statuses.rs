//! HTTP statuses (contract, section 1.1): 200 for whatever a method answered, others only where none could run; the
//! envelope is always the same.

use serde_json::json;

use crate::rig::*;

const QUERY: &str = "/api/v1/getContracts";

/// Asserts the envelope and answers status and code.
fn outcome(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    (answer.status, answer.code())
}

fn outcome_of(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn a_body_that_is_not_an_object_is_a_bad_request() {
    let world = World::new();
    let server = world.serve();
    let mut http = server.client();
    for body in ["", " ", "null", "[]", "7", "\"x\"", "{", "{\"user\":}", "{}{}", "{} x", "{'a':1}"]
    {
        assert_eq!(outcome(&http.post(QUERY, body)), outcome_of(400, "303"), "{body:?}");
    }
    let invalid_utf8 = http.try_post(QUERY, &[], b"{\"customer\":\"\xff\"}").unwrap();
    assert_eq!(outcome(&invalid_utf8), outcome_of(400, "303"));
}

#[test]
fn an_unknown_method_is_not_found_whoever_asks() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    for method in ["deleteEverything", "getcontracts", "GETCONTRACTS", "getContracts2", "x/y", ""] {
        assert_eq!(outcome(&alice.call(method, json!({}))), outcome_of(404, "002"), "{method:?}");
    }
    for path in ["/", "/api", "/api/v2/getContracts", "/v2/getContracts", "/api/v1"] {
        assert_eq!(server.client().post(path, "{}").status, 404, "{path}");
    }
}

#[test]
fn only_post_acts() {
    let world = World::new();
    let server = world.serve();
    let mut http = server.client();
    for verb in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = format!("{verb} {QUERY} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        let answer = http.exchange(request.as_bytes()).unwrap();
        assert_eq!(answer.status, 405, "{verb}");
        assert_eq!(answer.header("allow"), Some("POST"), "{verb}");
        assert_ne!(outcome(&answer).1, "ok", "{verb}");
    }
}

#[test]
fn a_body_of_one_mebibyte_is_read_and_a_larger_one_is_not() {
    let world = World::new();
    let server = world.serve();
    let alice = Caller::alice(&server);
    let body = alice.body(&json!({"customer": "1000000"}));
    let whole = 1024 * 1024;
    let padded = |bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len()));
    let mut http = server.client();
    assert_eq!(outcome(&http.post(QUERY, &padded(whole))), outcome_of(200, "ok"));
    let refused = server.client().post(QUERY, &padded(whole + 1));
    assert_eq!((refused.status, refused.json()["ok"].clone()), (413, json!(false)));

    // The same without a length in the head, so that only reading it shows how long it is.
    let head = format!("POST {QUERY} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunked = |bytes: usize| format!("{head}{bytes:x}\r\n{}\r\n0\r\n\r\n", padded(bytes));
    let read = server.client().exchange(chunked(whole).as_bytes()).unwrap();
    assert_eq!(outcome(&read), outcome_of(200, "ok"));
    let refused = server.client().exchange(chunked(whole + 1).as_bytes()).unwrap();
    assert_eq!((refused.status, refused.json()["ok"].clone()), (413, json!(false)));
}

#[test]
fn the_content_type_does_not_matter_and_both_prefixes_are_the_same() {
    let world = World::new();
    let server = world.serve();
    let alice = Caller::alice(&server);
    let body = alice.body(&json!({"customer": "1000000"}));
    let mut http = server.client();
    let plain = http.post(QUERY, &body);
    assert_eq!(outcome(&plain), outcome_of(200, "ok"));
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"]
    {
        let answer = http.post_with(QUERY, &[("Content-Type", kind)], &body);
        assert_eq!((answer.status, &answer.body), (200, &plain.body), "{kind}");
    }
    assert_eq!(http.post("/v1/getContracts", &body).body, plain.body);
}

#[test]
fn maintenance_comes_before_everything_and_health_does_not_mind() {
    let world = World::new();
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    world.cli(&["maintenance", "on"]).succeeded();
    alice.soon("000");
    let mut http = server.client();
    for body in ["", "{}", "[1]", &alice.body(&json!({"customer": "1000000"}))] {
        let answer = http.post(QUERY, body);
        assert_eq!(outcome(&answer), outcome_of(503, "000"), "{body:?}");
        let after: u32 = answer.header("retry-after").expect("Retry-After").parse().unwrap();
        assert!(after > 0);
    }
    assert_eq!(http.get("/healthz").status, 200);
    world.cli(&["maintenance", "off"]).succeeded();
    alice.soon("ok");
}
