//! Several nodes on one PostgreSQL database.

mod copy;
mod durability;
mod outdated;
mod roles;
mod seen;
mod tls;

use crate::rig::*;

/// A node of `world` that is started with `flags`.
fn node(world: &World, flags: &[&str]) -> Server {
    let mut command = world.serve_command();
    Server::start(command.args(flags), world.dir())
}
