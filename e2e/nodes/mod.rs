//! Several nodes on one PostgreSQL database.

mod copy;
mod durability;
mod outdated;
mod roles;
mod tls;
