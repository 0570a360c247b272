//! The floor of the HTTP figures: a bare axum handler that parses the body, looks a credential up in a cache under a
//! keyed digest, and answers JSON of about the size of a `queryService` answer. No database, no rule.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
struct Ask {
    user: User,
    service: Service,
}

#[derive(Debug, Deserialize)]
struct User {
    username: String,
    password: String,
}

#[derive(Debug, Deserialize)]
struct Service {
    cli: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    ok: bool,
    service: Nina,
}

#[derive(Debug, Serialize)]
struct Nina {
    nina: Fields,
}

#[derive(Debug, Serialize)]
struct Fields {
    code: &'static str,
    name: &'static str,
    status_code: &'static str,
    cli: String,
    sim: &'static str,
    network: &'static str,
    contract: &'static str,
    customer: &'static str,
}

struct Cache {
    key: [u8; 32],
    known: moka::sync::Cache<[u8; 32], i64>,
}

async fn echo(State(cache): State<Arc<Cache>>, body: String) -> Result<Json<Answer>, StatusCode> {
    let ask: Ask = serde_json::from_str(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut hasher = blake3::Hasher::new_keyed(&cache.key);
    hasher.update(ask.user.username.as_bytes());
    hasher.update(ask.user.password.as_bytes());
    let digest = *hasher.finalize().as_bytes();
    if cache.known.get(&digest).is_none() {
        cache.known.insert(digest, 1);
    }
    Ok(Json(Answer {
        ok: true,
        service: Nina {
            nina: Fields {
                code: "5012345",
                name: "Marion Gomez",
                status_code: "A",
                cli: ask.service.cli,
                sim: "8944110011462295831",
                network: "AS",
                contract: "2001288",
                customer: "1023896",
            },
        },
    }))
}

/// Serves until killed; prints its address like provisor does.
pub(crate) fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let cache = Cache { key: [7; 32], known: moka::sync::Cache::new(1_000) };
        let router =
            Router::new().route("/api/v1/queryService", post(echo)).with_state(Arc::new(cache));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, router).await?;
        Ok(())
    })
}
