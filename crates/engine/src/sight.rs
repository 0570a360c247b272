//! What this process has seen of what others change: users, tenants, maintenance mode, adopting.
//!
//! Invariant: what was seen is gone by for [`SEEN_FOR`] at most, counted from when the look at it began. The watch looks
//! several times as often. Where it could not (the process was frozen, the database does not answer), whoever comes looks
//! first: he gets the truth, or an error as from a database that is away.
//!
//! Cost: two clocks and a lock that is hardly ever written under.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use provisor_domain::clock::Clock;
use provisor_domain::store::{Stamp, Store, StoreError};
use tokio::sync::Mutex;

use crate::insist::insist;
use crate::metrics::Metrics;
use crate::moment::Moment;

/// How long what was seen is gone by: a second is what is promised.
const SEEN_FOR: Duration = Duration::from_secs(1);

/// What a look saw.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// When the look began: whatever was committed before that, it has seen.
    began: Moment,
    stamp: Stamp,
}

/// Why the last look saw nothing, and when it began.
struct Failed(Moment, StoreError);

/// The sight of one process.
pub(crate) struct Sight {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    seen: RwLock<Option<Seen>>,
    /// Whoever looks has it; the others wait for what he sees.
    turn: Mutex<Option<Failed>>,
}

impl Sight {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self { store, clock, metrics, seen: RwLock::default(), turn: Mutex::default() }
    }

    /// How things are, or were a second ago.
    pub(crate) async fn current(&self) -> Result<Stamp, StoreError> {
        let now = Moment::now(self.clock.as_ref());
        if let Some(stamp) = self.recent(now) {
            return Ok(stamp);
        }
        let mut failed = self.turn.lock().await;
        // Somebody else may have looked meanwhile, and what he saw is recent enough for who came before.
        if let Some(stamp) = self.recent(now) {
            return Ok(stamp);
        }
        let since = failed.as_ref().filter(|Failed(began, _)| now.since(*began).is_zero());
        if let Some(Failed(_, error)) = since {
            return Err(error.clone());
        }
        self.see(&mut failed).await
    }

    /// How things are.
    pub(crate) async fn look(&self) -> Result<Stamp, StoreError> {
        self.see(&mut *self.turn.lock().await).await
    }

    async fn see(&self, failed: &mut Option<Failed>) -> Result<Stamp, StoreError> {
        let began = Moment::now(self.clock.as_ref());
        match insist(|| self.store.stamp()).await {
            Ok(stamp) => {
                *failed = None;
                let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
                let before = seen.replace(Seen { began, stamp });
                drop(seen);
                self.tell(before.map(|seen| seen.stamp).unwrap_or_default(), stamp);
                Ok(stamp)
            }
            Err(error) => {
                *failed = Some(Failed(began, error.clone()));
                Err(error)
            }
        }
    }

    /// What was seen, when it may be gone by `now`.
    fn recent(&self, now: Moment) -> Option<Stamp> {
        let seen = *self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.filter(|seen| now.since(seen.began) <= SEEN_FOR).map(|seen| seen.stamp)
    }

    /// Says what has changed for everybody.
    fn tell(&self, before: Stamp, now: Stamp) {
        if before.maintenance != now.maintenance {
            tracing::info!(on = now.maintenance, "maintenance mode changed");
        }
        if before.adopting == now.adopting {
            return;
        }
        self.metrics.adopting(now.adopting);
        if now.adopting {
            tracing::warn!(
                "a restored database is being adopted: no ticket is carried out and callers are told to \
                come back; see `provisor adopt status`"
            );
        } else {
            tracing::info!("the restored database is adopted: tickets are carried out again");
        }
    }
}
