//! The networks this process knows, each with its driver and the bell that wakes its tickets' runner.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use provisor_domain::NetworkCode;
use provisor_domain::catalogue;
use provisor_domain::driver::{Driver, Element};
use tokio::sync::{Notify, watch};

/// Builds a driver from a network's entry in the catalogue. An error says what is wrong with the entry.
pub type NetworkFactory = Arc<dyn Fn(&catalogue::Network) -> Result<Element, String> + Send + Sync>;

/// One network.
#[derive(Debug)]
pub struct Network {
    pub(crate) entry: catalogue::Network,
    pub(crate) element: Element,
    pub(crate) bell: Notify,
    pub(crate) needs_imsi: bool,
    down: AtomicBool,
}

impl Network {
    /// A network, and what drives it.
    pub fn new(entry: catalogue::Network, element: Element) -> Self {
        let needs_imsi =
            matches!(&element, Element::Network(driver) if driver.abilities().needs_imsi);
        Self { entry, element, bell: Notify::new(), needs_imsi, down: AtomicBool::new(false) }
    }

    /// Whether its tickets' lane believes it to be down.
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Its driver, when it serves SIMs.
    pub(crate) fn driver(&self) -> Option<&Arc<dyn Driver>> {
        match &self.element {
            Element::Network(driver) => Some(driver),
            Element::Mail(_) | Element::Missing { .. } => None,
        }
    }
}

type Map = HashMap<NetworkCode, Arc<Network>>;

/// All networks; replaced as a whole, so that readers never see half a change.
#[derive(Debug)]
pub(crate) struct Networks {
    current: RwLock<Arc<Map>>,
    changed: watch::Sender<u64>,
}

impl Default for Networks {
    fn default() -> Self {
        Self { current: RwLock::default(), changed: watch::Sender::new(0) }
    }
}

impl Networks {
    pub(crate) fn all(&self) -> Arc<Map> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn get(&self, code: &NetworkCode) -> Option<Arc<Network>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).get(code).cloned()
    }

    /// Tells the runner of `code` that a ticket is due. A hint: polling is the truth.
    pub(crate) fn wake(&self, code: &NetworkCode) {
        if let Some(network) = self.get(code) {
            network.bell.notify_one();
        }
    }

    pub(crate) fn replace(&self, networks: Map) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(networks);
        self.changed.send_modify(|version| *version += 1);
    }

    /// Moves on with every [`Self::replace`].
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
