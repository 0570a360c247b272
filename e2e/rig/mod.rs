//! What every test stands on: the real binary with a directory of its own, a small HTTP client, and waiting.

mod books;
mod catalogue;
mod certificates;
mod changed;
mod chaos;
mod cluster;
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

pub(crate) use books::Books;
pub(crate) use catalogue::*;
pub(crate) use certificates::Certificates;
pub(crate) use changed::Changed;
pub(crate) use chaos::{Chaos, Hold};
pub(crate) use cluster::{Cluster, Stop};
pub(crate) use http::{Answer, Client};
pub(crate) use json::Json;
pub(crate) use portal::*;
pub(crate) use postgres::{command as database_tool, give};
pub(crate) use process::{PROVISOR, Ran, Server, command, run};
pub(crate) use wait::{eventually, eventually_within, within};
pub(crate) use world::{Caller, Kind, World};
