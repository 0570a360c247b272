//! The nodes: each with a proxy of its own before the database server.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::rig::*;

/// How long a node may take until it serves, and until it is ready again after the last trouble: longer than the database
/// server may take to recover on a slow machine.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long a node may take to stop when told so, and a little more.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// One place for a node.
pub(super) struct Node {
    pub(super) proxies: Vec<Chaos>,
    url: String,
    server: Mutex<Option<Server>>,
    address: Mutex<Option<SocketAddr>>,
}

/// All of them.
pub(super) struct Nodes {
    all: Vec<Node>,
    dir: std::path::PathBuf,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Nodes {
    /// Starts `count` nodes on `world`'s database. Each has a proxy before each of the `servers`; `url` makes the database's
    /// address of the proxies', with commas between them.
    pub(super) fn start(
        world: &World,
        count: usize,
        url: impl Fn(String) -> String,
        servers: &[SocketAddr],
    ) -> Self {
        let node = |_| {
            let proxies: Vec<Chaos> = servers.iter().map(|server| Chaos::before(*server)).collect();
            let addresses: Vec<String> =
                proxies.iter().map(|proxy| proxy.address.to_string()).collect();
            let url = url(addresses.join(","));
            Node { proxies, url, server: Mutex::default(), address: Mutex::default() }
        };
        let nodes = Self { all: (0..count).map(node).collect(), dir: world.dir().to_owned() };
        for node in 0..count {
            nodes.begin(node);
        }
        nodes.all_ready();
        nodes
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn proxies(&self, node: usize) -> &[Chaos] {
        &self.all[node].proxies
    }

    /// Starts a node. It may find the database away: then it ends, and is started again, as a service manager does.
    pub(super) fn begin(&self, node: usize) {
        let place = &self.all[node];
        let server = eventually_within(READY_WITHIN, "a node to serve", || {
            let mut command: Command = command(PROVISOR, &self.dir);
            command.args(["serve", "--listen", "127.0.0.1:0", "--database", &place.url]);
            Server::try_start(&mut command, &self.dir).ok()
        });
        *lock(&place.address) = Some(server.address);
        *lock(&place.server) = Some(server);
    }

    /// Kills a node.
    pub(super) fn kill(&self, node: usize) {
        *lock(&self.all[node].address) = None;
        if let Some(mut server) = lock(&self.all[node].server).take() {
            server.kill();
        }
    }

    /// Stops a node as an operator does.
    pub(super) fn terminate(&self, node: usize) {
        *lock(&self.all[node].address) = None;
        if let Some(mut server) = lock(&self.all[node].server).take() {
            server.terminate(STOP_WITHIN);
        }
    }

    /// Sends a node a signal.
    pub(super) fn signal(&self, node: usize, name: &str) {
        if let Some(server) = &*lock(&self.all[node].server) {
            server.signal(name);
        }
    }

    /// Where a node is called, while it is there.
    pub(super) fn address(&self, node: usize) -> Option<SocketAddr> {
        *lock(&self.all[node].address)
    }

    /// Waits until every node is ready, by itself.
    pub(super) fn all_ready(&self) {
        for node in 0..self.count() {
            eventually_within(READY_WITHIN, "a node to be ready", || {
                let ready = Client::new(self.address(node)?)
                    .exchange(b"GET /readyz HTTP/1.1\r\nHost: node\r\n\r\n");
                ready.ok().filter(|answer| answer.status == 200)
            });
        }
    }

    /// Asserts that every node is still the one that was started.
    pub(super) fn none_ended_by_itself(&self) {
        for (at, node) in self.all.iter().enumerate() {
            let ended = lock(&node.server).as_mut().map(Server::ended);
            assert_eq!(ended, Some(None), "node {at}");
        }
    }

    /// Stops all of them as an operator does.
    pub(super) fn stop(&self) {
        for node in 0..self.count() {
            self.terminate(node);
        }
    }
}
