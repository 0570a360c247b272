//! The engine on a real store (SQLite in a temporary file), with the simulated network or a driver that a test scripts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod back_ends;
mod orders;
mod portal;
mod portal_passwords;
mod portal_rig;
mod reconciling;
mod rig;
mod running;
mod seeing;
mod signing_in;
mod waiting;
