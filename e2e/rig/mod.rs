//! What every test stands on: the real binary with a directory of its own, a small HTTP client, and waiting.

mod books;
mod catalogue;
mod http;
mod json;
mod portal;
// The cluster that the store's own tests start.
#[path = "../../crates/store/tests/it/postgres/rig.rs"]
#[expect(dead_code, reason = "the tests of the store use more of it")]
mod postgres;
mod process;
pub(crate) mod wait;
mod world;

pub(crate) use catalogue::*;
pub(crate) use http::{Answer, Client};
pub(crate) use json::Json;
pub(crate) use portal::*;
pub(crate) use process::{PROVISOR, Server, command, run};
pub(crate) use wait::{eventually, eventually_within};
pub(crate) use world::{Caller, World};
