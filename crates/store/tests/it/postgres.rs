//! PostgreSQL: the conformance suite on it, and what is particular to a server.

use std::sync::Arc;

use provisor_domain::store::Store;
use provisor_store::postgres::{LeaseClock, OpenError, Options, PostgresStore};

mod adoption;
mod cut;
mod locks;
mod nodes;
pub(crate) mod proxy;
mod reactors;
mod relations;
pub(crate) mod rig;
mod server;

use rig::{Database, block_on};

/// Tests move time: leases go by what they hand in.
const OPTIONS: Options = Options {
    writers: 2,
    openers: 1,
    group_max: 1_000,
    readers: 2,
    make: true,
    migrate: true,
    accept_loss: false,
    clock: LeaseClock::Caller,
};

fn open(url: &str, options: Options) -> Result<PostgresStore, OpenError> {
    block_on(PostgresStore::open(url, options))
}

/// An empty store in a database of its own, which lives as long as what is handed out with it.
pub(crate) fn fresh() -> (Arc<dyn Store>, Database) {
    let database = Database::new();
    let store = open(&database.url, OPTIONS).unwrap();
    (Arc::new(store), database)
}

mod conforms {
    crate::conformance::suite!(crate::postgres::fresh);
}
