//! Mail networks from outside: the suite of all mail drivers, the views, the file, the faults of the simulated one.

mod faults;
mod file;
mod sessions;
mod suite;
mod support;
mod views;
