//! The Simple Portal face: the second document's functions as paths (contract, section 2).
//!
//! A call goes `path` (the typed path; the request's own URI ends there) → `face` (the order of checks, one call of the
//! engine) → `reply` (JSON, and XML made from it) or `complaint` (one line in the caller's language). The functions in
//! `path` make the figures' names and the tests' table of who may call what.
//!
//! Invariants: what is on the wire (members, paths, lines) is known here and nowhere else; nothing that a caller sent
//! is in an answer, a log or a figure, but the ParCustId that a success repeats.

mod complaint;
mod face;
mod path;
mod preferences;
mod reply;
mod shown;
mod words;
mod xml;

pub(crate) use face::{Face, Knock};
pub use path::{Function, fuzz_path};
