//! Several nodes on one PostgreSQL database.

mod copy;
mod roles;
mod tls;
