//! A lane's dealings with the store: claiming, writing back, taking over.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::limits::{LEASE_SECONDS, TAKEOVER_SECONDS};
use provisor_domain::store::{
    ClaimAsk, Claimed, Settled, Settlement, StoreError, Verdict, WorkerId,
};
use provisor_domain::ticket::{Failure, FailureKind};
use provisor_domain::{CustomerNumber, OrderKind, TicketState};

use crate::engine::Engine;
use crate::networks::Network;

/// How long the store keeps a claimed ticket from others.
const KEPT: Duration = Duration::from_secs(LEASE_SECONDS + TAKEOVER_SECONDS);
/// How much sooner than that its lease ends.
const TAKEOVER: SignedDuration = SignedDuration::from_secs(TAKEOVER_SECONDS.cast_signed());
/// When a network is looked at after a command that may have come late.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// The store as one lane sees it.
pub(super) struct Desk {
    pub(super) engine: Arc<Engine>,
    pub(super) network: Arc<Network>,
    pub(super) worker: WorkerId,
}

/// What became of settlements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Each has its answer.
    Yes,
    /// The store could not take them: they must be kept.
    No,
    /// They were written or not. They must be kept, too: the epoch refuses those that were.
    Undecided,
}

impl Desk {
    /// Takes over what a dead predecessor left running.
    pub(super) async fn rescue(&self) {
        let now = self.engine.clock.now();
        let code = self.network.entry.code.clone();
        match self.engine.store.ticket_rescue(code.clone(), self.worker, now).await {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(network = %code, count, "tickets left running were taken over");
            }
            Err(error) => tracing::warn!(network = %code, %error,
                "tickets left running could not be taken over now; they come back when their leases end"),
        }
    }

    /// Claims up to `room` tickets; `None` when the store could not say.
    pub(super) async fn claim(&self, room: usize, last: Option<CustomerNumber>) -> Option<Claimed> {
        if room == 0 {
            return Some(Claimed { leases: Vec::new(), last: None, more: false });
        }
        let ask = ClaimAsk {
            network: self.network.entry.code.clone(),
            worker: self.worker,
            take: room,
            after: last,
            lease: KEPT,
            now: self.engine.clock.now(),
        };
        let claim = self.engine.store.ticket_claim(ask);
        match self.engine.metrics.timed("ticket_claim", claim).await {
            Ok(mut claimed) => {
                for lease in &mut claimed.leases {
                    lease.until = lease.until.saturating_sub(TAKEOVER).unwrap_or(lease.until);
                }
                Some(claimed)
            }
            Err(error @ StoreError::Undecided(_)) => {
                tracing::error!(network = %self.network.entry.code, %error,
                    "tickets may have been claimed for nobody; those come back when their leases end");
                None
            }
            Err(error) => {
                tracing::error!(network = %self.network.entry.code, %error, "tickets could not be claimed");
                None
            }
        }
    }

    /// Writes settlements back. Of the first `undecided` ones it is not known whether they were written before.
    pub(super) async fn settle(
        &self,
        settlements: &[(OrderKind, Settlement)],
        undecided: usize,
    ) -> Written {
        if settlements.is_empty() {
            return Written::Yes;
        }
        let now = self.engine.clock.now();
        let batch = settlements.iter().map(|(_, settlement)| settlement.clone()).collect();
        let settle = self.engine.store.ticket_settle(batch, now);
        let answers = match self.engine.metrics.timed("ticket_settle", settle).await {
            Ok(answers) => answers,
            Err(error) => {
                tracing::error!(network = %self.network.entry.code, %error, count = settlements.len(),
                    "results could not be written; they are kept and tried again");
                let unknown = matches!(error, StoreError::Undecided(_));
                return if unknown { Written::Undecided } else { Written::No };
            }
        };
        for (at, ((kind, settlement), answer)) in settlements.iter().zip(answers).enumerate() {
            if at < undecided && answer == Settled::LeaseLost {
                self.engine.endings.ended(settlement.ticket);
                tracing::info!(network = %self.network.entry.code, ticket.id = %settlement.ticket,
                    epoch = settlement.epoch,
                    "the result had been written by the commit that got no answer, or its lease was lost since");
            } else {
                self.report(*kind, settlement, &answer).await;
            }
        }
        Written::Yes
    }

    async fn report(&self, kind: OrderKind, settlement: &Settlement, answer: &Settled) {
        let code = &self.network.entry.code;
        match answer {
            Settled::Done => {
                let state = state_after(&settlement.verdict);
                self.engine.metrics.settled(code, kind, state.as_str());
                if state.is_final() {
                    self.engine.endings.ended(settlement.ticket);
                }
                log(settlement, kind, state);
            }
            Settled::LeaseLost => {
                self.engine.metrics.lease_lost();
                tracing::warn!(network = %code, ticket.id = %settlement.ticket, epoch = settlement.epoch,
                    "result dropped: the ticket was claimed by somebody else since");
                self.look_again(settlement).await;
            }
            Settled::Refused(reason) => self.park(kind, settlement, reason).await,
        }
    }

    /// What was sent under a lease that is lost may have come after what its next holder sent: the network is looked at.
    async fn look_again(&self, settlement: &Settlement) {
        if self.network.driver().is_none() {
            return;
        }
        let code = self.network.entry.code.clone();
        let due = self.engine.clock.now().saturating_add(SETTLED_AFTER);
        let due = due.unwrap_or(Timestamp::MAX);
        if let Err(error) = self.engine.store.sweep_again(code, vec![settlement.ticket], due).await
        {
            tracing::warn!(ticket.id = %settlement.ticket, %error,
                "a late command may have been sent; the network is looked at within the period of its checks");
        }
    }

    /// The network has it, but the books do not take it: a person must look. The subject stays locked.
    async fn park(&self, kind: OrderKind, settlement: &Settlement, reason: &str) {
        let reason = format!("done at the network, but the books refuse it: {reason}");
        tracing::error!(ticket.id = %settlement.ticket, ticket.kind = kind.as_str(), %reason,
            "ticket parked as unknown");
        let failure = Failure { kind: FailureKind::Books, reason };
        let parked = Settlement { verdict: Verdict::Unknown(failure), ..settlement.clone() };
        let now = self.engine.clock.now();
        if let Err(error) = self.engine.store.ticket_settle(vec![parked], now).await {
            tracing::error!(ticket.id = %settlement.ticket, %error,
                "ticket could not be parked; it comes back when its lease ends");
        }
    }
}

fn state_after(verdict: &Verdict) -> TicketState {
    match verdict {
        Verdict::Completed(_) => TicketState::Completed,
        Verdict::Failed(_) => TicketState::Failed,
        Verdict::Accepted { .. } | Verdict::Postponed { .. } => TicketState::Pending,
        Verdict::Unknown(_) => TicketState::Unknown,
    }
}

fn log(settlement: &Settlement, kind: OrderKind, state: TicketState) {
    let (id, kind, state) = (settlement.ticket, kind.as_str(), state.as_str());
    match &settlement.verdict {
        Verdict::Completed(_) => {
            tracing::debug!(ticket.id = %id, ticket.kind = kind, "ticket completed");
        }
        Verdict::Accepted { due, .. } => {
            tracing::debug!(ticket.id = %id, ticket.kind = kind, %due, "the network accepted it");
        }
        Verdict::Postponed { due, failure, .. } => {
            tracing::debug!(ticket.id = %id, ticket.kind = kind,
            %due, reason = failure.reason, "ticket will be tried again");
        }
        Verdict::Failed(failure) | Verdict::Unknown(failure) => tracing::warn!(ticket.id = %id,
            ticket.kind = kind, ticket.state = state, failure = failure.kind.as_str(),
            reason = failure.reason, "ticket not carried out"),
    }
}
