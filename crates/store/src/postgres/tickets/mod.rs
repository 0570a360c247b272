//! Tickets: open, claim, settle, give back.

mod by_hand;
mod claim;
mod ledger;
mod number;
mod numbers;
mod open;
mod opened;
mod settle;
mod settled;

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use provisor_domain::driver::Report;
use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::store::{
    ClaimAsk, Claimed, NewTicket, Opened, Settled, Settlement, StoreError, TicketStore, WorkerId,
};
use provisor_domain::{NetworkCode, TicketId};

use super::fault::Result as Outcome;
use super::link::params;
use super::{LeaseClock, PostgresStore, Shared, row, sql, told};

pub(super) use by_hand::{cancel, retry};
pub(super) use claim::sealed_keys;
pub(super) use ledger::{add_services, count_services};
pub(super) use numbers::{Numbers, ticket as number_of_ticket};
pub(super) use open::remembered;
pub(super) use opened::KeyRows;

#[async_trait]
impl TicketStore for PostgresStore {
    async fn ticket_open(&self, tickets: Vec<NewTicket>) -> Result<Vec<Opened>, StoreError> {
        check_batch(tickets.len())?;
        told(self.usable())?;
        let networks: BTreeSet<NetworkCode> =
            tickets.iter().map(|ticket| ticket.network.clone()).collect();
        let opened = self.opening.join(tickets).await?;
        if opened.iter().any(|one| matches!(one, Opened::Ticket(_))) {
            for network in &networks {
                self.shared.bell.ring(network);
            }
        }
        Ok(opened)
    }

    async fn ticket_due(&self) -> NetworkCode {
        self.shared.bell.heard().await
    }

    async fn ticket_claim(&self, ask: ClaimAsk) -> Result<Claimed, StoreError> {
        check_batch(ask.take)?;
        let claimed = async {
            let work = self.work().await?;
            claim::claim(work, &ask, self.shared.clock).await
        };
        told(claimed.await)
    }

    async fn ticket_settle(
        &self,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Vec<Settled>, StoreError> {
        check_batch(settlements.len())?;
        told(self.settle(&settlements, now).await)
    }

    async fn ticket_report(
        &self,
        ticket: TicketId,
        epoch: i64,
        report: Report,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        told(self.note_report((ticket, epoch), &report, now).await)
    }

    async fn ticket_rescue(
        &self,
        network: NetworkCode,
        worker: WorkerId,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        told(self.rescue(&network, worker, now).await)
    }
}

fn check_batch(len: usize) -> Result<(), StoreError> {
    if len <= TICKETS_PER_BATCH_MAX {
        return Ok(());
    }
    Err(StoreError::Conflict(format!("{len} tickets in one call, {TICKETS_PER_BATCH_MAX} fit")))
}

impl PostgresStore {
    /// When a ticket is due that is due at once: by the caller's clock, or `None` for the database's.
    pub(super) fn due(&self, now: Timestamp) -> Option<i64> {
        self.shared.due(now)
    }

    async fn note_report(
        &self,
        (ticket, epoch): (TicketId, i64),
        report: &Report,
        now: Timestamp,
    ) -> Outcome<bool> {
        let note = params![ticket.number(), epoch, row::to_json(report)?, self.due(now)];
        let mut work = self.work().await?;
        let taken = work.one(sql::TICKET_REPORT, note).await?;
        work.commit().await?;
        let Some(row) = taken.rows.first() else { return Ok(false) };
        self.shared.bell.ring(&row::text(row, 0)?);
        Ok(true)
    }

    async fn rescue(
        &self,
        network: &NetworkCode,
        worker: WorkerId,
        now: Timestamp,
    ) -> Outcome<usize> {
        let rescue = params![network.to_string(), worker.0.as_bytes().to_vec(), self.due(now)];
        let mut work = self.work().await?;
        let rescued = work.one(sql::TICKET_RESCUE, rescue).await?.changed;
        work.commit().await?;
        Ok(usize::try_from(rescued).unwrap_or(usize::MAX))
    }
}

impl Shared {
    fn due(&self, now: Timestamp) -> Option<i64> {
        match self.clock {
            LeaseClock::Database => None,
            LeaseClock::Caller => Some(now.as_millisecond()),
        }
    }
}
