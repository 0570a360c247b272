//! What HTTP adds: statuses, limits, request ids, addresses.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use provisor_domain::limits::BODY_BYTES_MAX;
use provisor_web::{HttpLimits, Peer};
use serde_json::json;

use crate::rig::*;

const QUERY: &str = "/api/v1/getContracts";

fn query() -> String {
    body("MarioG", json!({"customer": "1000000"}))
}

#[tokio::test]
async fn a_body_that_is_no_object_is_a_bad_request() {
    let world = World::new().await;
    let bodies = ["", " ", "null", "[]", "7", "\"x\"", "{", "{}{}", "{'a':1}", "{\"a\":\"\u{1}\"}"];
    for body in bodies {
        let answer = world.post(QUERY, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "303"));
        assert_eq!(answer.header("content-type"), Some("application/json"), "{body:?}");
    }
    let invalid_utf8 = world.post(QUERY, b"{\"customer\":\"\xff\"}".to_vec()).await;
    assert_eq!(invalid_utf8.message(), "Request invalid: the body is not UTF-8.");
}

#[tokio::test]
async fn an_object_that_is_ambiguous_is_an_error_of_the_documented_kind() {
    let world = World::new().await;
    let deep = format!(r#"{{"customer":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    for (body, message) in [
        (r#"{"customer":"1","customer":"1"}"#, "member 'customer' given twice."),
        (r#"{"user":{"username":"a","username":"b"}}"#, "member 'username' given twice."),
        (r#"{"extra":[{"a":1,"\u0061":2}]}"#, "member 'a' given twice."),
        (&deep, "nested deeper than 32."),
    ] {
        let answer = world.post(QUERY, body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}");
        assert_eq!(answer.message(), format!("Request invalid: {message}"));
    }
}

#[tokio::test]
async fn what_is_no_method_is_not_found() {
    let world = World::new().await;
    for path in [
        "/",
        "/api/v1",
        "/api/v1/",
        "/v1/getcontracts",
        "/v2/getContracts",
        "/v1/a/b",
        "/v1/getContracts/",
    ] {
        let answer = world.post(path, query()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::NOT_FOUND, "002"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_post_acts() {
    let world = World::new().await;
    for verb in
        [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]
    {
        let request = Request::builder().method(verb.clone()).uri(QUERY).body(Body::empty());
        let answer = world.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{verb}");
        assert_eq!(answer.header("allow"), Some("POST"), "{verb}");
        if verb != Method::HEAD {
            assert_eq!(answer.code(), "002", "{verb}");
        }
    }
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_read_and_a_larger_one_is_not() {
    let world = World::new().await;
    let padded = |bytes: usize| {
        let body = query();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    // Once with its length in the head, once in pieces, so that only reading it shows how long it is.
    let pieces = |text: String| {
        let pieces: Vec<_> = text.into_bytes().chunks(100_000).map(<[u8]>::to_vec).collect();
        let pieces = pieces.into_iter().map(Ok::<_, std::convert::Infallible>);
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    for (bytes, status) in [
        (BODY_BYTES_MAX, StatusCode::OK),
        (BODY_BYTES_MAX + 1, StatusCode::PAYLOAD_TOO_LARGE),
        (BODY_BYTES_MAX * 9, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        for body in [Body::from(padded(bytes)), pieces(padded(bytes))] {
            let answer = world.post(QUERY, body).await;
            let code = if status == StatusCode::OK { "ok" } else { "303" };
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{bytes}");
        }
    }
}

#[tokio::test]
async fn a_request_id_is_kept_or_made_and_always_given_back() {
    let world = World::new().await;
    let id = async |path: &str, sent: &str| {
        let request = Request::post(path).header("X-Request-Id", sent).body(query().into());
        let answer = world.send(request.unwrap()).await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id(QUERY, "trace/42").await, "trace/42");
    assert_eq!(id("/nowhere", "trace/42").await, "trace/42");
    let made = id(QUERY, "with blank").await;
    assert!(made != "with blank" && made != id(QUERY, "").await, "{made}");
}

#[tokio::test]
async fn over_the_rate_limit_a_network_is_told_to_slow_down_and_others_are_not() {
    let limits = HttpLimits {
        requests_per_second: Some(2),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..HttpLimits::default()
    };
    let world = World::with(limits).await;
    let from = async |client: &str| {
        let request = Request::post("/nowhere").header("X-Forwarded-For", client);
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(SocketAddr::from(([10, 0, 0, 1], 4711))));
        world.send(request).await
    };
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(from("192.0.2.1").await);
    }
    let throttled = answers.iter().find(|a| a.status == StatusCode::TOO_MANY_REQUESTS).unwrap();
    let wanted = r#"{"ok":false,"errorCode":"003","errorMessage":"Too many requests."}"#;
    assert_eq!(throttled.body, wanted);
    assert_eq!(throttled.header("retry-after"), Some("1"));
    assert_eq!(from("198.51.100.1").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn over_the_room_for_requests_callers_are_told_at_once_to_come_back() {
    let limits = HttpLimits { requests_in_flight_max: 1, ..HttpLimits::default() };
    let world = World::with(limits).await;
    // A body that never comes keeps the only place.
    let endless =
        Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let waiting = world.post(QUERY, endless);
    tokio::select! {
        biased;
        answer = waiting => panic!("answered without a body: {answer:?}"),
        answer = world.post(QUERY, query()) => {
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "000"));
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    assert_eq!(world.post(QUERY, query()).await.code(), "ok", "the place was given back");
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_refused_and_a_request_that_does_is_told_to_come_back() {
    let short = std::time::Duration::from_millis(20);
    let endless =
        || Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let limits = HttpLimits { body_read_deadline: short, ..HttpLimits::default() };
    let answer = World::with(limits).await.post(QUERY, endless()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.message(), "Request invalid: the body did not arrive in time.");
    let limits = HttpLimits { request_deadline: short, ..HttpLimits::default() };
    let answer = World::with(limits).await.post(QUERY, endless()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "000"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let world = World::new().await;
    let pieces = [Ok(b"{\"customer\":".to_vec()), Err(std::io::Error::other("gone"))];
    let answer = world.post(QUERY, Body::from_stream(futures_util::stream::iter(pieces))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.message(), "Request invalid: the body broke off.");
}
