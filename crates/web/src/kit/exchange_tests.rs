use std::sync::Arc;

use axum::http::StatusCode;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::super::answer::Outcome;
use super::super::figures::HttpMetrics;
use super::super::limits::HttpLimits;
use super::*;

fn voice(trouble: Trouble) -> Answer {
    assert_eq!(trouble, Trouble::Panicked);
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Answer { status, outcome: Outcome::Fault, ..Answer::json(b"oops".to_vec()) }
}

#[tokio::test]
async fn a_panic_is_answered_counted_and_leaves_room() {
    let mut registry = Registry::default();
    let limits = HttpLimits { requests_in_flight_max: 1, ..HttpLimits::default() };
    let kit = Arc::new(Kit::new(limits, HttpMetrics::new(&mut registry)));
    let route = kit.metrics.route("test");
    for _ in 0..2 {
        let work = async |_: Exchange| -> Answer { panic!("a fault of the face") };
        let response = kit.exchange(&route, voice, Request::new(Body::empty()), work).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key("x-request-id"));
    }
    let mut page = String::new();
    text::encode(&mut page, &registry).unwrap();
    let line = r#"provisor_http_requests_total{route="test",outcome="fault"} 2"#;
    assert!(page.lines().any(|l| l == line), "{page}");
}

#[tokio::test]
async fn who_finds_no_room_is_told_to_come_back_and_it_is_counted_why() {
    let mut registry = Registry::default();
    let limits = HttpLimits { requests_in_flight_max: 0, ..HttpLimits::default() };
    let kit = Kit::new(limits, HttpMetrics::new(&mut registry));
    let route = kit.metrics.route("test");
    let voice: Voice = |trouble| {
        assert_eq!(trouble, Trouble::Overloaded);
        Answer { outcome: Outcome::Unavailable, ..Answer::json(Vec::new()) }
    };
    for _ in 0..3 {
        let work = async |_: Exchange| -> Answer { panic!("there is no room") };
        kit.exchange(&route, voice, Request::new(Body::empty()), work).await;
    }
    let mut page = String::new();
    text::encode(&mut page, &registry).unwrap();
    for line in [
        r#"provisor_http_come_back_total{cause="requests"} 3"#,
        r#"provisor_http_come_back_total{cause="database"} 0"#,
    ] {
        assert!(page.lines().any(|l| l == line), "{page}");
    }
}
