//! All HTTP: a folder a face, and the kit that they share.
//!
//! A face turns a request into one typed order, calls the engine once, and turns what came of it into the words of
//! its wire. Its wire structs never leave its folder, and it holds no rule of the product. What every face needs
//! (the serve loop, limits, request ids, the caller's address, figures, logs) is in `kit`.
//!
//! Invariant: no password, credential or body reaches a log, a figure or an error text.

mod callbacks;
pub mod ccc;
mod health;
mod kit;
mod metrics;
pub mod simple_portal;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use provisor_engine::Engine;

pub use ccc::fuzz_body;
pub use kit::client::Peer;
pub use kit::figures::HttpMetrics;
pub use kit::limits::HttpLimits;
pub use kit::serve::serve;
pub use metrics::metrics_router;
pub use simple_portal::fuzz_path;

/// What the faces are made of.
#[derive(Debug)]
pub struct App {
    /// What is behind them.
    pub engine: Arc<Engine>,
    /// What they allow.
    pub limits: HttpLimits,
    /// What they count.
    pub metrics: HttpMetrics,
}

/// Everything a caller can reach: the CCC face, its page of codes (`/errors`), the Simple Portal face, what networks report
/// (`/callbacks/TOKEN`), `/healthz` and `/readyz`. A path of none of them is answered by the CCC face.
pub fn router(app: App) -> Router {
    let engine = app.engine;
    let kit = Arc::new(kit::Kit::new(app.limits, app.metrics));
    let callbacks = callbacks::routes(kit.clone(), engine.clone());
    let portal = Arc::new(simple_portal::Face::new(kit.clone(), engine.clone()));
    let nowhere = Arc::new(ccc::Nowhere::new(kit.clone()));
    let fallback = move |request: Request| async move {
        match simple_portal::Knock::at(request) {
            Ok(knock) => portal.answer(knock).await,
            Err(request) => nowhere.answer(request).await,
        }
    };
    let faces = ccc::routes(kit, engine.clone()).merge(callbacks);
    faces.merge(health::routes(engine)).fallback(fallback)
}

/// What a node answers that takes no orders: what networks report, `/healthz` and `/readyz`.
pub fn work_router(app: App) -> Router {
    let kit = Arc::new(kit::Kit::new(app.limits, app.metrics));
    callbacks::routes(kit, app.engine.clone()).merge(health::routes(app.engine))
}
