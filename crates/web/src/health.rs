//! `/healthz` and `/readyz`: for whoever starts, stops and balances this program. They need no credentials and are
//! answered whatever else is going on. Their answers carry a request id like those of the faces.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use provisor_engine::Engine;
use serde::Serialize;

use crate::kit::request_id::{self, RequestIds};

/// How long the database may take to answer before this program counts as not ready.
const DATABASE_DEADLINE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Readiness {
    ok: bool,
    database: &'static str,
    engine: &'static str,
}

/// The two routes.
pub(crate) fn routes(engine: Arc<Engine>) -> Router {
    let ids = Arc::new(RequestIds::new());
    Router::new()
        .route("/healthz", get(async || json(StatusCode::OK, r#"{"ok":true}"#.into())))
        .route("/readyz", get(async move || readiness(&engine).await))
        .route_layer(middleware::from_fn(move |request: Request, next: Next| {
            let id = ids.of(request.headers());
            async move {
                let mut response = next.run(request).await;
                response.headers_mut().insert(request_id::HEADER, id.into_header());
                response
            }
        }))
}

/// 200 when requests can be taken, else 503 and what is in the way. Maintenance mode does not make it unready:
/// callers get an answer, and that is what readiness means.
async fn readiness(engine: &Engine) -> Response {
    let database = match tokio::time::timeout(DATABASE_DEADLINE, engine.ping()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(_)) => "cannot be read",
        Err(_) => "does not answer",
    };
    let runner = match (engine.share().is_empty(), engine.runs()) {
        (true, _) => "elsewhere",
        (false, true) => "ok",
        (false, false) => "is not running",
    };
    let ok = database == "ok" && runner != "is not running";
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&Readiness { ok, database, engine: runner });
    json(status, body.unwrap_or_default())
}

fn json(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}
