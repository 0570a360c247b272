//! Carries tickets out: claims those that are due, drives each to a settlement, writes the settlements back.
//!
//! One [`lane::Lane`] a network, so that a slow network holds up nobody else's tickets. A crash needs no code of its
//! own: what it left running is claimed again when its lease ends, like any other retry.
//!
//! Invariant: no database transaction is open while a driver is called.
//! Invariant: nothing here knows which face raised a ticket.

mod breaker;
mod desk;
mod execute;
mod lane;
mod pace;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::OptionFuture;
use provisor_domain::NetworkCode;
use provisor_domain::store::WorkerId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engine::Engine;
use crate::networks::Network;
use crate::reconcile::{Checks, Sweeper};
use lane::Lane;

/// Carries out the tickets of all networks that its engine knows.
#[derive(Debug)]
pub struct Runner {
    engine: Arc<Engine>,
    worker: WorkerId,
    alone: bool,
    checks: Option<Checks>,
}

/// Says that the engine has a runner, for as long as it is not dropped (a panic drops it too).
struct Running<'a>(&'a Engine);

impl<'a> Running<'a> {
    fn new(engine: &'a Engine) -> Self {
        engine.set_runs(true);
        Self(engine)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set_runs(false);
    }
}

impl Runner {
    /// A runner under its own name. `alone` says that no other process can be carrying out tickets of this store, so
    /// that whatever is found running at the start was left by a dead one and need not wait for its lease to end.
    pub fn new(engine: Arc<Engine>, alone: bool) -> Self {
        Self { engine, worker: WorkerId(uuid::Uuid::now_v7()), alone, checks: None }
    }

    /// The same, and it checks the networks whose tickets it carries out.
    #[must_use]
    pub fn checking(self, checks: Checks) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// Runs the networks of the engine's [`Share`](crate::Share) until `stop` turns true, then finishes what is at the networks and returns.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let _running = Running::new(&self.engine);
        let mut news = self.engine.networks.subscribe();
        let mut lanes = JoinSet::new();
        let mut running: HashMap<NetworkCode, (Arc<Network>, watch::Sender<bool>)> = HashMap::new();
        let mut stopped = stop.clone();
        loop {
            news.mark_unchanged();
            self.match_lanes(&mut running, &mut lanes);
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                changed = news.changed() => if changed.is_err() { break },
                code = self.engine.store.ticket_due() => self.engine.networks.wake(&code),
                Some(ended) = lanes.join_next() => if let Err(error) = ended {
                    // A lane that panicked takes nothing with it but its leases, and those end by themselves. Its
                    // network is started afresh.
                    tracing::error!(%error, "the runner of a network ended by a panic; starting it again");
                    running.retain(|_, (_, end)| !end.is_closed());
                },
            }
        }
        for (_, end) in running.values() {
            end.send_replace(true);
        }
        while lanes.join_next().await.is_some() {}
    }

    /// Starts lanes for networks that are new or have a new driver, and ends those of networks that are gone.
    fn match_lanes(
        &self,
        running: &mut HashMap<NetworkCode, (Arc<Network>, watch::Sender<bool>)>,
        lanes: &mut JoinSet<()>,
    ) {
        let networks = self.engine.networks.all();
        running.retain(|code, (network, end)| {
            let same = networks.get(code).is_some_and(|now| Arc::ptr_eq(now, network));
            if !same {
                end.send_replace(true);
            }
            same
        });
        for (code, network) in networks.iter() {
            if self.engine.share.has(code) && !running.contains_key(code) {
                let end = watch::Sender::new(false);
                let lane = Lane::new(self.engine.clone(), network.clone(), self.worker);
                let lane = lane.run(end.subscribe(), self.alone);
                let sweeper = self.checks.map(|checks| {
                    let (engine, network) = (self.engine.clone(), network.clone());
                    Sweeper::new(engine, network, checks).run(end.subscribe())
                });
                lanes.spawn(async move {
                    tokio::join!(lane, OptionFuture::from(sweeper));
                });
                running.insert(code.clone(), (network.clone(), end));
            }
        }
    }
}
