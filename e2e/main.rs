//! Black-box tests: the built binary `provisor`, driven only through what a user of it has (its command line, its
//! HTTP interface, its files), held against the wire contract and the two documents.
//!
//! Invariants of every test here: it owns its directory and its database; it waits for conditions, never for time;
//! it starts the real binary and no other. `rig` is the only place that knows how to start it.

// Where the rig of the mail servers looks for it.
#[cfg(test)]
use rig::wait;

#[cfg(test)]
mod ccc;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod crash;
// The element of the HTTP driver's own tests.
#[cfg(test)]
#[path = "../crates/drivers/tests/it/http/element.rs"]
#[expect(dead_code, reason = "the driver's own tests use more of it")]
mod element;
#[cfg(test)]
mod http_network;
// The rig of the HLR driver's own tests.
#[cfg(test)]
#[path = "../crates/drivers/tests/hlr/rig/mod.rs"]
#[expect(dead_code, reason = "the tests of the driver use more of it")]
mod hlr;
#[cfg(test)]
mod life;
// The rig of the mail driver's own tests.
#[cfg(test)]
#[path = "../crates/drivers/tests/mail/rig/mod.rs"]
mod mail_servers;
#[cfg(test)]
mod networks;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod osmo_hlr;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod simple_portal;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod users;
