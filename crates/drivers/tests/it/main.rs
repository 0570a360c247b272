//! The drivers from outside: the suites of all drivers, what each promises beyond them, files, and the choice by name.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception only knows the tests themselves"
)]

mod choice;
mod docs;
mod file;
mod http;
mod mail;
mod promises;
mod suite;
mod support;
