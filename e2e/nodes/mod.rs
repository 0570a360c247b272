//! Several nodes on one PostgreSQL database.

mod copy;
mod outdated;
mod roles;
mod tls;
