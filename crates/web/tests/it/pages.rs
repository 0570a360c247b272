//! What is there beside the methods: health, readiness, the page of codes, the page of figures.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::rig::*;

#[tokio::test]
async fn whoever_balances_finds_his_request_again() {
    let world = World::new().await;
    for path in ["/healthz", "/readyz"] {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let request = Request::builder().method(method.clone()).uri(path);
            let sent = request.header("X-Request-Id", "probe/7").body(Body::empty()).unwrap();
            let answer = world.send(sent).await;
            assert_eq!(answer.header("x-request-id"), Some("probe/7"), "{method} {path}");
        }
        let made = world.get(path).await;
        assert!(made.header("x-request-id").is_some_and(|id| id.len() > 8), "{made:?}");
        assert_ne!(made.header("x-request-id"), world.get(path).await.header("x-request-id"));
    }
}

#[tokio::test]
async fn health_is_answered_whatever_goes_on() {
    let world = World::new().await;
    world.maintenance(true).await;
    let answer = world.get("/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"ok":true}"#));
}

#[tokio::test]
async fn readiness_says_what_is_in_the_way() {
    let world = World::new().await;
    let ready = async || {
        let answer = world.get("/readyz").await;
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap())
    };
    let (status, body) = ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, json!({"ok": false, "database": "ok", "engine": "is not running"}));
    let runner = world.run();
    let becomes = async |wanted: bool| {
        let change = async {
            while ready().await.1["ok"] != wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), change).await.unwrap();
    };
    becomes(true).await;
    world.maintenance(true).await;
    assert_eq!(ready().await.0, StatusCode::OK, "callers get an answer");
    runner.send_replace(true);
    becomes(false).await;
}

#[tokio::test]
async fn the_page_of_codes_is_a_page() {
    let world = World::new().await;
    let answer = world.get("/errors").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.body.contains("<td>101</td>") && answer.body.ends_with("</html>\n"));
}

#[tokio::test]
async fn the_page_of_figures_counts_requests_and_open_tickets() {
    let world = World::new().await;
    world.call("disconnectService", json!({"service": {"code": "5000001"}})).await.ticket();
    world.call("disconnectService", json!({"service": {"code": "5000001"}})).await;
    world.get("/v1/queryService").await;
    let router = provisor_web::metrics_router(world.registry.clone(), world.engine.clone());
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let page = router.oneshot(request).await.unwrap();
    let kind = page.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let page = axum::body::to_bytes(page.into_body(), usize::MAX).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    for line in [
        r#"provisor_http_requests_total{route="disconnectService",outcome="ok"} 1"#,
        r#"provisor_http_requests_total{route="disconnectService",outcome="refused"} 1"#,
        r#"provisor_http_requests_total{route="queryService",outcome="no_route"} 1"#,
        r#"provisor_http_request_seconds_count{route="disconnectService"} 2"#,
        "provisor_http_requests_in_flight 0",
        r#"provisor_tickets_open{network="AS",kind="disconnect",state="pending"} 1"#,
        r#"provisor_oldest_open_ticket_seconds{network="AS"} 0"#,
        r#"provisor_tickets_opened_total{kind="disconnect"} 1"#,
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is missing:\n{page}");
    }
    assert_eq!(page.matches("# EOF").count(), 1);
    assert!(page.ends_with("# EOF\n"));
}
