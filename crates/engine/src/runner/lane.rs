//! The tickets of one network: how many are under way, when to claim more, writing back what came of them.
//!
//! Claims take as many tickets as there is room for at the network; settlements take whatever has ended since the last
//! write. Under load both become batches by themselves; an idle network's single ticket waits for nothing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::SignedDuration;
use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::store::{Claimed, Settlement, WorkerId};
use provisor_domain::{CustomerNumber, OrderKind};
use tokio::sync::watch;

use super::breaker::{Admits, Breaker};
use super::desk::{Desk, Written};
use super::execute::{Attempted, Ending, Mood, attempt, decide};
use super::pace::Pace;
use crate::engine::Engine;
use crate::moment::Moment;
use crate::networks::Network;

/// How often an idle lane looks for tickets that nobody rang the bell for: retries that are due, tickets of other
/// processes, leases that ran out.
const POLL: Duration = Duration::from_millis(500);
/// How often a lane looks while its network's rate limit holds it up.
const PACED_POLL: Duration = Duration::from_millis(10);
/// How long results wait for company while there is a backlog: a batch costs little more than one.
const COMPANY: Duration = Duration::from_millis(5);
/// How long a lane waits after the store failed it.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// One network's tickets.
pub(crate) struct Lane {
    engine: Arc<Engine>,
    network: Arc<Network>,
    desk: Arc<Desk>,
    under_way: FuturesUnordered<BoxFuture<'static, Attempted>>,
    unsettled: Vec<(OrderKind, Settlement)>,
    /// So many of them, from the front, may have been written.
    undecided: usize,
    breaker: Breaker,
    pace: Pace,
    last: Option<CustomerNumber>,
    more: bool,
}

impl Lane {
    pub(crate) fn new(engine: Arc<Engine>, network: Arc<Network>, worker: WorkerId) -> Self {
        let pace = Pace::new(network.element.limits().per_second_max, engine.clock.now());
        Self {
            desk: Arc::new(Desk { engine: engine.clone(), network: network.clone(), worker }),
            engine,
            network,
            under_way: FuturesUnordered::new(),
            unsettled: Vec::new(),
            undecided: 0,
            breaker: Breaker::new(),
            pace,
            last: None,
            more: true,
        }
    }

    /// Runs until `end` turns true and what is under way has been settled.
    pub(crate) async fn run(mut self, mut end: watch::Receiver<bool>, alone: bool) {
        self.network.set_down(false);
        let reachable = self.network.element.missing().is_none();
        self.engine.metrics.reachable(&self.network.entry.code, reachable);
        if alone {
            self.desk.rescue().await;
        }
        loop {
            let ending = *end.borrow_and_update();
            self.gather();
            if self.more && !ending {
                self.wait_for_company().await;
            }
            let room = if ending { 0 } else { self.room() };
            if room == 0 && self.unsettled.is_empty() {
                if ending && self.under_way.is_empty() {
                    return;
                }
                self.wait(&mut end).await;
                continue;
            }
            let asked = Moment::now(self.engine.clock.as_ref());
            // Both at once: on SQLite they share one commit, on PostgreSQL they are two short transactions.
            let settlements = std::mem::take(&mut self.unsettled);
            let (desk, last, undecided) = (self.desk.clone(), self.last.clone(), self.undecided);
            let settle = desk.settle(&settlements, undecided);
            let at_store = async { tokio::join!(settle, desk.claim(room, last)) };
            let (written, claimed) = self.going_on(at_store, settlements.len()).await;
            self.undecided = match written {
                Written::Yes => 0,
                Written::No => undecided,
                Written::Undecided => settlements.len(),
            };
            if written != Written::Yes {
                self.unsettled.splice(..0, settlements);
            }
            let failed = written != Written::Yes || claimed.is_none();
            if let Some(claimed) = claimed.filter(|_| room > 0) {
                self.begin(claimed, asked);
            }
            if failed {
                self.going_on(tokio::time::sleep(STORE_PAUSE), 0).await;
            }
        }
    }

    /// How many tickets may be claimed now.
    fn room(&mut self) -> usize {
        if !self.more {
            return 0;
        }
        let now = self.engine.clock.now();
        let most = match self.breaker.admits(now) {
            Admits::All => self.network.element.limits().in_flight_max,
            Admits::Probe => 1,
            Admits::NotBefore(_) => 0,
        };
        let free = most.saturating_sub(self.under_way.len());
        self.pace.allows(free.min(TICKETS_PER_BATCH_MAX), now)
    }

    fn begin(&mut self, claimed: Claimed, asked: Moment) {
        self.more = claimed.more;
        if claimed.last.is_some() {
            self.last = claimed.last;
        }
        self.pace.took(claimed.leases.len());
        for lease in claimed.leases {
            let (network, clock) = (self.network.clone(), self.engine.clock.clone());
            self.under_way.push(attempt(network, lease, asked, clock).boxed());
        }
        self.engine.metrics.in_flight(&self.network.entry.code, self.under_way.len());
    }

    /// Takes in every attempt that has ended, without waiting.
    fn gather(&mut self) {
        while self.unsettled.len() < TICKETS_PER_BATCH_MAX {
            match self.under_way.next().now_or_never() {
                Some(Some(attempted)) => self.take_in(attempted),
                Some(None) | None => return,
            }
        }
    }

    /// Waits for the store while what is under way goes on: a command of several steps is not held up by a commit, and what
    /// was answered in time is heard in time. What ends meanwhile must fit into one batch with the settlements that are
    /// `being_written`, which may come back.
    async fn going_on<T>(&mut self, at_store: impl Future<Output = T>, being_written: usize) -> T {
        let mut at_store = pin!(at_store);
        loop {
            let room = self.unsettled.len() + being_written < TICKETS_PER_BATCH_MAX;
            tokio::select! {
                biased;
                ended = &mut at_store => return ended,
                Some(attempted) = self.under_way.next(), if room => self.take_in(attempted),
            }
        }
    }

    /// Under a backlog lets results gather until half of what was under way has ended, but not for long. Without it
    /// the commits of a fast network's results would be many and small.
    async fn wait_for_company(&mut self) {
        let half = (self.under_way.len() + self.unsettled.len()).min(TICKETS_PER_BATCH_MAX) / 2;
        if self.unsettled.is_empty() || self.unsettled.len() >= half {
            return;
        }
        let enough = tokio::time::sleep(COMPANY);
        tokio::pin!(enough);
        while self.unsettled.len() < half {
            tokio::select! {
                Some(attempted) = self.under_way.next() => self.take_in(attempted),
                () = &mut enough => return,
            }
        }
    }

    fn take_in(&mut self, attempted: Attempted) {
        let now = self.engine.clock.now();
        let code = &self.network.entry.code;
        if let Some(outcome) = attempted.ending.outcome() {
            self.engine.metrics.driver_took(code, outcome, attempted.took);
        }
        if let Ending::Asked(outcome, _) = &attempted.ending
            && self.breaker.heard(outcome, now)
        {
            let up = !self.breaker.is_down();
            self.network.set_down(!up);
            self.engine.metrics.reachable(code, up);
            if up {
                tracing::info!(network = %code, "the network answers again");
            } else {
                tracing::warn!(network = %code, ?outcome,
                    "the network does not answer; its tickets wait and it is probed");
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a thousand steps are fine enough")]
        let jitter = self.engine.chance.up_to(1000) as f64 / 1000.0;
        let mood = Mood { jitter, network_down: self.breaker.is_down(), at_least: None };
        let settlement = decide(&attempted.lease, attempted.ending, now, &mood);
        self.unsettled.push((attempted.lease.kind, settlement));
    }

    /// Sleeps until something may have changed.
    async fn wait(&mut self, end: &mut watch::Receiver<bool>) {
        let now = self.engine.clock.now();
        let patience = match self.breaker.admits(now) {
            Admits::NotBefore(then) => millis(then.duration_since(now)),
            _ if self.more && self.pace.is_limited() => PACED_POLL,
            _ => POLL,
        };
        let ended = tokio::select! {
            Some(attempted) = self.under_way.next() => Some(attempted),
            () = self.network.bell.notified() => None,
            () = tokio::time::sleep(patience.min(POLL)) => None,
            _ = end.changed() => None,
        };
        match ended {
            Some(attempted) => self.take_in(attempted),
            None => self.more = true,
        }
    }
}

fn millis(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::ZERO).max(Duration::from_millis(1))
}
