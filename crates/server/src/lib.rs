//! The one binary `provisor`: configuration, wiring and the commands.
//!
//! This crate holds no rule of the product. It reads what operators write (configuration, catalogue files, stocks of
//! SIMs), wires store, engine, drivers and HTTP together, and shows what is there.
//!
//! Invariant: a command that fails says in one line what is wrong and what to do, and ends with 1 (2 for a wrong
//! command line). What scripts read goes to standard output, everything else to standard error.

mod catalogue;
mod cli;
mod config;
mod database;
mod demo;
mod exposure;
mod logging;
mod mail_sync;
mod mark;
mod output;
mod password;
mod progress;
mod reactors;
mod seal;
mod serve;
mod sim_import;
mod span;

use std::process::ExitCode;

/// Runs the command that the process' arguments name, to its end. Answers how it went.
pub fn main() -> ExitCode {
    cli::main()
}
