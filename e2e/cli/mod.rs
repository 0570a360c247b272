//! The program's commands, as an operator types them (contract, sections 3 and 4).

mod cases;
mod catalogue;
mod secrets;
mod serve;
mod sims;
mod tickets;
mod usage;
