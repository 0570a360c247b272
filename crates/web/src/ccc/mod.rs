//! The CCC face: the first document's methods as JSON over POST (contract, section 1).
//!
//! A call goes `json` (strict JSON) → `members` (typed members) → `request` (one typed order) → one call of the
//! engine → `reply` or `error`. The method table in `method` makes the routes.
//!
//! Invariant: what is on the wire (member names, codes, status words) is known here and nowhere else.

mod change;
mod code;
mod connect;
mod contracts;
mod error;
mod errors_page;
mod face;
mod idempotency;
mod json;
mod lookup;
mod members;
mod method;
mod query_service;
mod query_ticket;
mod reply;
mod request;
mod support;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get};
use bytes::Bytes;
use provisor_engine::Engine;

pub(crate) use face::Nowhere;
pub use face::fuzz_body;
pub use method::Method;

use crate::kit::Kit;
use crate::kit::answer::Answer;
use face::Face;

/// Where the methods are, and where the document's own examples call them.
const PREFIXES: [&str; 2] = ["/api/v1/", "/v1/"];

/// The routes of all methods and of the page of codes.
pub(crate) fn routes(kit: Arc<Kit>, engine: Arc<Engine>) -> Router {
    let face = Arc::new(Face { kit: kit.clone(), engine });
    let mut router = Router::new();
    for method in Method::ALL {
        let (face, route) = (face.clone(), Arc::new(kit.metrics.route(method.name())));
        let serve =
            any(move |request: Request| async move { face.serve(method, &route, request).await });
        for prefix in PREFIXES {
            router = router.route(&format!("{prefix}{}", method.name()), serve.clone());
        }
    }
    router.route("/errors", errors_page(kit))
}

fn errors_page(kit: Arc<Kit>) -> axum::routing::MethodRouter {
    let page = Bytes::from(errors_page::page());
    let route = Arc::new(kit.metrics.route("errors"));
    get(move |request: Request| async move {
        let work = async |_| Answer::html(page);
        kit.exchange(&route, error::voice, request, work).await
    })
}
