//! Catalogue files: the operator's world as TOML (contract section 3), compared with the store and written to it.
//!
//! The way of a file: [`file`] reads its tables, [`resolve`] checks what they refer to and turns them into the
//! domain's words, [`diff`] compares that with what is stored, [`apply`] does it all and writes.
//!
//! Invariants: all that is wrong with a file is told at once, each with file, line and table; nothing is written
//! unless everything is right; a file that was applied changes nothing when it is applied again.

mod apply;
mod diff;
mod file;
mod names;
mod portal;
mod problems;
mod resolve;
mod stock;
#[cfg(test)]
mod tests;

pub(crate) use apply::{ApplyError, Order, apply};
pub(crate) use diff::{Change, Op};
pub(crate) use resolve::COLON;
