//! The store, from outside: what every database must do, and what is particular to SQLite and to PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod conformance;
mod copy;
mod postgres;
mod sqlite;
