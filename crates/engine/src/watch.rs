//! Notices what others (commands beside the server, other nodes) changed: users, networks, tenants, maintenance mode.
//!
//! Level-triggered: it compares stamps and acts on the difference, however it came about. A change is seen within
//! [`POLL`], which is well under the second that is promised; where it is not, whoever needs it looks himself
//! ([`crate::sight`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use provisor_domain::catalogue;
use provisor_domain::driver::Element;
use provisor_domain::store::{Stamp, StoreError};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::insist::insist;
use crate::networks::{Network, NetworkFactory};

/// How often the stamps are read.
const POLL: Duration = Duration::from_millis(250);
/// How often a driver that could not be built is tried again.
const REBUILD: Duration = Duration::from_secs(5);

/// Watches the store on behalf of an engine.
pub struct Watch {
    engine: Arc<Engine>,
    build: NetworkFactory,
    without: Box<dyn Fn(&catalogue::Network) -> bool + Send + Sync>,
    seen: Option<Stamp>,
    /// When the drivers that could not be built are tried again; `None` when there are none.
    rebuild: Option<Instant>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Watch {
    /// A watch that builds drivers by `build`.
    pub fn new(engine: Arc<Engine>, build: NetworkFactory) -> Self {
        Self { engine, build, without: Box::new(|_| false), seen: None, rebuild: None }
    }

    /// The same, but networks that `without` picks get no driver in this process.
    #[must_use]
    pub fn without(
        self,
        without: impl Fn(&catalogue::Network) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { without: Box::new(without), ..self }
    }

    /// Looks once. To be called before the first request is taken, so that the networks are known.
    pub async fn look(&mut self) -> Result<(), StoreError> {
        let stamp = self.engine.sight.look().await?;
        if self.seen.is_none_or(|seen| seen.networks != stamp.networks) {
            self.networks().await?;
            self.engine.see_tenants().await?;
        } else if self.rebuild.is_some_and(|then| then <= Instant::now()) {
            self.networks().await?;
        }
        self.seen = Some(stamp);
        Ok(())
    }

    /// Looks again and again until the task is dropped. A database that is away is reported once, not at every look.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut away = false;
        loop {
            ticks.tick().await;
            match self.look().await {
                Ok(()) => away = false,
                Err(error) if !away => {
                    away = true;
                    tracing::warn!(%error, "cannot see whether users, networks or maintenance changed");
                }
                Err(_) => {}
            }
        }
    }

    /// Builds drivers for networks that are new or changed; the others keep theirs, with what is under way there.
    /// Those that could not be built are tried again; meanwhile they are there without one, so that their tickets say why
    /// they wait.
    async fn networks(&mut self) -> Result<(), StoreError> {
        let known = self.engine.networks.all();
        let mut networks = HashMap::new();
        let mut rebuild = None;
        for entry in insist(|| self.engine.store.network_list()).await? {
            let code = entry.code.clone();
            if (self.without)(&entry) {
                continue;
            }
            let same = known.get(&code).filter(|network| network.entry == entry);
            if let Some(network) = same.filter(|network| network.element.missing().is_none()) {
                networks.insert(code, network.clone());
                continue;
            }
            let network = match (self.build)(&entry) {
                Ok(element) => {
                    tracing::info!(network = %code, driver = entry.driver, "network ready");
                    Arc::new(Network::new(entry, element))
                }
                Err(error) => {
                    rebuild = Some(Instant::now() + REBUILD);
                    let said = same.filter(|network| network.element.missing() == Some(&error));
                    said.cloned().unwrap_or_else(|| missing(entry, error))
                }
            };
            networks.insert(code, network);
        }
        self.rebuild = rebuild;
        self.engine.networks.replace(networks);
        Ok(())
    }
}

/// A network without a driver.
fn missing(entry: catalogue::Network, error: String) -> Arc<Network> {
    tracing::error!(network = %entry.code, driver = entry.driver, %error,
        "network cannot be driven; its tickets wait, and it is tried again every few seconds");
    Arc::new(Network::new(entry, Element::Missing { error }))
}
