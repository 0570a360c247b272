//! The faces as callers see them: the router called in process on a real engine, store and simulated network, and the
//! serve loop over real connections.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception only knows the tests themselves"
)]

mod catalogue;
mod checks;
mod codes;
mod http;
mod idempotency;
mod methods;
mod pages;
mod portal;
mod rig;
mod serving;
