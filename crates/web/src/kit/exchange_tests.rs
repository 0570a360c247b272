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

#[test]
fn once_per_second_is_once_in_a_row() {
    let once = OncePerSecond::default();
    assert!(once.now());
    // All of these cannot take a second; if they did, one more would be allowed.
    let more = (0..1_000).filter(|_| once.now()).count();
    assert!(more <= 1, "{more}");
}
