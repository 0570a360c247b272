//! One node's share in the checks of one network.
//!
//! Level-triggered: it takes no input but books and network. Nodes share a network's walks through the store; what one
//! of them leaves behind another takes up.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::limits::SLICE_MAX;
use provisor_domain::store::{Slice, StoreError, SweepAsk, Swept, Walk};
use tokio::sync::watch;

use super::Checks;
use super::look::{Round, Tempo, round};
use crate::engine::Engine;
use crate::networks::Network;

/// How often a sweeper looks whether something is due.
const POLL: Duration = Duration::from_millis(500);
/// How long a walk rests that found nothing to do.
const IDLE: Duration = Duration::from_secs(10);
/// How long a slice is a node's. One takes seconds.
const LEASE: Duration = Duration::from_mins(1);
/// How long a slice is to take.
const SLICE_SPAN: Duration = Duration::from_secs(2);
/// How long it is believed how many services a network has.
const SIZE_AGE_MAX: Duration = Duration::from_hours(1);
/// Drifts on record are looked at again after so many times the time after which a ticket's SIMs are; and a walk through
/// tickets may fall so far behind.
const SOON_TIMES: u32 = 12;
/// Part of the period within which a walk through live services is to be done.
const OF_PERIOD: f64 = 0.9;

/// Checks one network.
#[derive(Debug)]
pub(crate) struct Sweeper {
    engine: Arc<Engine>,
    network: Arc<Network>,
    checks: Checks,
    tempo: Tempo,
    size: Option<(u64, Timestamp)>,
    due: [Timestamp; Walk::ALL.len()],
}

impl Sweeper {
    pub(crate) fn new(engine: Arc<Engine>, network: Arc<Network>, checks: Checks) -> Self {
        let tempo = Tempo::share(network.element.limits(), checks.share);
        let due = [Timestamp::UNIX_EPOCH; Walk::ALL.len()];
        Self { engine, network, checks, tempo, size: None, due }
    }

    /// Runs until `end` turns true. What is being checked then is left to others.
    pub(crate) async fn run(mut self, mut end: watch::Receiver<bool>) {
        if self.network.driver().is_none() || self.checks.share == 0 {
            return;
        }
        let mut failing = false;
        while !*end.borrow_and_update() {
            let swept = tokio::select! {
                swept = self.sweep() => swept,
                _ = end.changed() => continue,
            };
            match swept {
                Ok(()) => failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(network = %self.network.entry.code, %error,
                            "the network cannot be checked while the database is away");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                _ = end.changed() => {}
            }
        }
    }

    /// Checks what is due on every walk.
    async fn sweep(&mut self) -> Result<(), StoreError> {
        for (at, walk) in Walk::ALL.into_iter().enumerate() {
            // While a restored database is adopted, an operator's command reads the networks.
            if self.network.is_down() || self.engine.is_adopting().await? {
                return Ok(());
            }
            let now = self.engine.clock.now();
            if self.due[at] > now {
                continue;
            }
            let ask = self.ask(walk, now).await?;
            let pause = ask.pause;
            let claim = self.engine.store.sweep_claim(ask);
            self.due[at] = match self.engine.metrics.timed("sweep_claim", claim).await? {
                Swept::Nothing { until } => until.min(later(now, IDLE)),
                Swept::Slice(slice) => {
                    let count = u32::try_from(slice.standings.len()).unwrap_or(u32::MAX);
                    self.check(slice).await?;
                    later(now, pause.saturating_mul(count))
                }
            };
        }
        Ok(())
    }

    async fn ask(&mut self, walk: Walk, now: Timestamp) -> Result<SweepAsk, StoreError> {
        let Checks { period, soon, .. } = self.checks;
        let far = soon.saturating_mul(SOON_TIMES);
        let (age, age_max) = match walk {
            Walk::Live | Walk::Soon => (soon, far),
            Walk::Drift => (far, far),
            Walk::Late => (period, period.saturating_mul(2)),
        };
        let pause = if walk == Walk::Live { self.spread(now).await? } else { self.tempo.pause };
        let take = SLICE_SPAN.as_secs_f64() / pause.as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and what is too large is cut"
        )]
        let take = (take as usize).clamp(1, SLICE_MAX);
        let network = self.network.entry.code.clone();
        let (idle, lease) = (IDLE.min(soon), LEASE);
        Ok(SweepAsk { network, walk, take, pause, idle, period, age, age_max, lease, now })
    }

    /// How long to rest after each live service, so that all of them take most of the period.
    async fn spread(&mut self, now: Timestamp) -> Result<Duration, StoreError> {
        let fresh = self.size.filter(|(_, asked)| later(*asked, SIZE_AGE_MAX) > now);
        let size = if let Some((size, _)) = fresh {
            size
        } else {
            let size = self.engine.store.sweep_size(self.network.entry.code.clone()).await?;
            self.size = Some((size, now));
            size
        };
        let services = u32::try_from(size).unwrap_or(u32::MAX).max(1);
        Ok(self.tempo.pause.max(self.checks.period.mul_f64(OF_PERIOD) / services))
    }

    /// Looks at a slice, writes down what was found, and has repaired what is to be.
    async fn check(&self, slice: Slice) -> Result<(), StoreError> {
        let (id, all) = (slice.id, slice.standings.len());
        let store = self.engine.store.as_ref();
        let round = round(store, &self.network, slice.standings, self.tempo, false).await?;
        self.note(&round);
        // What the network did not tell is asked again, when the slice's lease has ended.
        let whole = round.silence().is_none() && round.looks.len() == all;
        let id = id.filter(|_| whole);
        if id.is_none() && round.checked().is_empty() {
            return Ok(());
        }
        let now = self.engine.clock.now();
        let code = self.network.entry.code.clone();
        let settle = store.sweep_settle(code, id, round.checked(), now);
        let drifts = self.engine.metrics.timed("sweep_settle", settle).await?;
        self.engine.repair_by_policy(&self.network, &round, &drifts).await
    }

    fn note(&self, round: &Round) {
        let code = &self.network.entry.code;
        for (_, look) in &round.looks {
            self.engine.metrics.checked(code, look.outcome());
        }
        if let Some(reason) = round.silence() {
            tracing::debug!(network = %code, reason, "the network could not tell what it has");
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
