//! The simulated network from outside: the suite of all drivers, its own promises, its file, and its choice by name.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; clippy's exception only knows the tests themselves"
)]

mod choice;
mod file;
mod promises;
mod suite;
mod support;
