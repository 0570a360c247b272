//! The mail driver with real mail servers: Debian's Dovecot and Postfix on what the driver wrote, from the configuration
//! that this product writes. Needs root and Debian's packages; see [`rig`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception only knows the tests themselves"
)]

mod books;
mod delivery;
mod log_in;
mod rig;
mod sessions;
mod switched_off;
#[path = "../../../../e2e/rig/wait.rs"]
mod wait;
