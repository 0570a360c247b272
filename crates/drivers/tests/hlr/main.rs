//! The driver of osmo-hlr on a real one: Debian's, started by the test on a loopback address of its own, in a directory that
//! goes when the test ends. See [`rig`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception only knows the tests themselves"
)]

mod detach;
mod faults;
mod keys;
mod rig;
mod suite;
mod support;
#[path = "../../../../e2e/rig/wait.rs"]
mod wait;
