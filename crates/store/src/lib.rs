//! The store port ([`provisor_domain::store::Store`]) on a real database, and the suite that every database must pass.
//!
//! Invariant: SQL is written in files, one per statement, under the name of the store method that uses it; what a
//! database can hold as a constraint is not checked in code as well.

mod by_name;
pub mod copy;
pub mod postgres;
pub mod sqlite;
mod walk;
