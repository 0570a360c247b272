//! The engine: what all commands and queries share.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use provisor_domain::clock::Clock;
use provisor_domain::store::{NewTicket, Opened, Store, StoreError};
use provisor_domain::{NetworkCode, Refusal};

use crate::call::{Error, Raised};
use crate::callbacks::CallbackKey;
use crate::chance::Chance;
use crate::endings::Endings;
use crate::insist::insist;
use crate::metrics::Metrics;
use crate::networks::Networks;
use crate::sight::Sight;
use crate::sign_in::SignIn;
use crate::tenants::Tenants;

/// How often a command checks again when its subject moved on between check and write.
pub(crate) const STALE_ROUNDS_MAX: usize = 5;

/// What the name of an installation is derived from its key for.
const INSTALLATION: &str = "provisor 2026-11-26 name of an installation";

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is kept.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub chance: Chance,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Which tickets this process carries out.
    pub share: Share,
}

/// The networks whose tickets a process carries out; those of the others are carried out by other nodes.
#[derive(Debug, Clone)]
pub struct Share(Option<HashSet<NetworkCode>>);

impl Share {
    /// All networks.
    pub fn all() -> Self {
        Self(None)
    }

    /// None: the process only takes orders.
    pub fn none() -> Self {
        Self(Some(HashSet::new()))
    }

    /// Only these.
    pub fn of(networks: impl IntoIterator<Item = NetworkCode>) -> Self {
        Self(Some(networks.into_iter().collect()))
    }

    /// Whether this one's tickets are carried out here.
    pub fn has(&self, network: &NetworkCode) -> bool {
        self.0.as_ref().is_none_or(|networks| networks.contains(network))
    }

    /// Whether no tickets are carried out here.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(HashSet::is_empty)
    }
}

/// The product, without its faces and its drivers.
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Chance,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) networks: Networks,
    pub(crate) tenants: Tenants,
    pub(crate) endings: Endings,
    pub(crate) sign_in: SignIn,
    pub(crate) sight: Arc<Sight>,
    pub(crate) share: Share,
    pub(crate) callback_key: CallbackKey,
    installation: String,
    runs: AtomicBool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("networks", &self.networks).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine on `store`. Reads the installation's key; knows no network until [`crate::Watch`] has looked.
    pub async fn new(store: Arc<dyn Store>, parts: Parts) -> Result<Self, Error> {
        let installation_key = store.installation_key().await?;
        let callback_key = CallbackKey::of(&installation_key);
        let installation = blake3::derive_key(INSTALLATION, &installation_key);
        let (clock, metrics) = (parts.clock.clone(), parts.metrics.clone());
        let sight = Arc::new(Sight::new(store.clone(), clock.clone(), metrics));
        let sign_in = SignIn::new(store.clone(), clock, sight.clone(), installation_key);
        Ok(Self {
            store,
            clock: parts.clock,
            chance: parts.chance,
            metrics: parts.metrics,
            networks: Networks::default(),
            tenants: Tenants::default(),
            endings: Endings::default(),
            sign_in,
            sight,
            share: parts.share,
            callback_key,
            installation: base16ct::lower::encode_string(&installation[..16]),
            runs: AtomicBool::new(false),
        })
    }

    /// The tenants of the Simple Portal face, as they are or were a second ago.
    pub async fn tenants(&self) -> Result<&Tenants, Error> {
        self.see_tenants().await?;
        Ok(&self.tenants)
    }

    pub(crate) async fn see_tenants(&self) -> Result<(), StoreError> {
        let stamp = self.sight.current().await?.networks;
        if self.tenants.seen_at() != Some(stamp) {
            let tenants = insist(|| self.store.tenant_list()).await?;
            self.tenants.replace(tenants, stamp);
        }
        Ok(())
    }

    /// Names this installation among others. No secret.
    pub fn installation(&self) -> &str {
        &self.installation
    }

    /// Signing in.
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// True while callers are to be told to come back later: an operator says so, or a restored database is adopted,
    /// whose books cannot be relied on yet.
    pub async fn in_maintenance(&self) -> Result<bool, Error> {
        let seen = self.sight.current().await?;
        Ok(seen.maintenance || seen.adopting)
    }

    /// True while a restored database is adopted: no ticket is carried out.
    pub async fn is_adopting(&self) -> Result<bool, StoreError> {
        Ok(self.sight.current().await?.adopting)
    }

    /// Which tickets this process carries out.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// True while a [`crate::Runner`] carries out this engine's tickets. For readiness.
    pub fn runs(&self) -> bool {
        self.runs.load(Ordering::Relaxed)
    }

    pub(crate) fn set_runs(&self, yes: bool) {
        self.runs.store(yes, Ordering::Relaxed);
    }

    /// Answers when the store can be read.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.store.ping().await?)
    }

    /// Open tickets by network, kind and state, for figures.
    pub async fn queue_stats(&self) -> Result<Vec<provisor_domain::store::QueueStat>, Error> {
        Ok(self.store.queue_stats().await?)
    }

    /// How many drifts are on record, for figures.
    pub async fn drift_stats(&self) -> Result<Vec<provisor_domain::store::DriftStat>, Error> {
        Ok(self.store.drift_stats().await?)
    }

    /// Opens one ticket and wakes its network. `None`: its subject moved on since the checks; check again.
    pub(crate) async fn open(&self, ticket: NewTicket) -> Result<Option<Raised>, Error> {
        let (kind, network) = (ticket.order.kind(), ticket.network.clone());
        let opened =
            self.metrics.timed("ticket_open", self.store.ticket_open(vec![ticket])).await?;
        match opened.first() {
            Some(Opened::Ticket(id)) => {
                tracing::debug!(ticket.id = %id, ticket.kind = kind.as_str(), "ticket opened");
                self.metrics.opened(kind);
                self.networks.wake(&network);
                Ok(Some(Raised { ticket: *id, replayed: false }))
            }
            Some(Opened::Replayed(id)) => Ok(Some(Raised { ticket: *id, replayed: true })),
            Some(Opened::Busy(holder)) => Err(Refusal::SubjectBusy(*holder).into()),
            Some(Opened::KeyReused) => Err(Refusal::IdempotencyKeyReused.into()),
            Some(Opened::Stale) | None => Ok(None),
        }
    }
}
