//! The engine on a real store (SQLite in a temporary file), with the simulated network or a driver that a test scripts.

mod orders;
mod rig;
mod running;
mod signing_in;
