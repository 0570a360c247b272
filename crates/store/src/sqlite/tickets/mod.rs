//! Tickets: open, claim, settle, give back.

mod by_hand;
mod claim;
mod number;
mod open;
mod settle;

use async_trait::async_trait;
use jiff::Timestamp;
use provisor_domain::driver::Report;
use provisor_domain::limits::TICKETS_PER_BATCH_MAX;
use provisor_domain::store::{
    ClaimAsk, Claimed, NewTicket, Opened, Settled, Settlement, StoreError, TicketStore, WorkerId,
};
use provisor_domain::{NetworkCode, TicketId};
use rusqlite::{Connection, params};

use super::fault::Result as Outcome;
use super::{SqliteStore, row, sql};

pub(super) use by_hand::{cancel, retry};
pub(super) use claim::{find_sim, sealed_keys};
pub(super) use open::{next_id, remember, remembered};
pub(super) use settle::{add_service, count_services};

#[async_trait]
impl TicketStore for SqliteStore {
    async fn ticket_open(&self, tickets: Vec<NewTicket>) -> Result<Vec<Opened>, StoreError> {
        check_batch(tickets.len())?;
        self.write(move |connection| open::open(connection, &tickets)).await
    }

    async fn ticket_claim(&self, ask: ClaimAsk) -> Result<Claimed, StoreError> {
        check_batch(ask.take)?;
        self.write(move |connection| claim::claim(connection, &ask)).await
    }

    async fn ticket_settle(
        &self,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Vec<Settled>, StoreError> {
        check_batch(settlements.len())?;
        let mut batch = settle::Batch::new(settlements, now);
        self.write(move |connection| batch.settle(connection)).await
    }

    async fn ticket_report(
        &self,
        ticket: TicketId,
        epoch: i64,
        report: Report,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| note_report(connection, (ticket, epoch), &report, now)).await
    }

    /// Nobody else opens tickets in a file but operators' commands, and those can wait for a poll.
    async fn ticket_due(&self) -> NetworkCode {
        std::future::pending().await
    }

    async fn ticket_rescue(
        &self,
        network: NetworkCode,
        worker: WorkerId,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.write(move |connection| rescue(connection, &network, worker, now)).await
    }
}

fn check_batch(len: usize) -> Result<(), StoreError> {
    if len <= TICKETS_PER_BATCH_MAX {
        return Ok(());
    }
    Err(StoreError::Conflict(format!("{len} tickets in one call, {TICKETS_PER_BATCH_MAX} fit")))
}

fn note_report(
    connection: &Connection,
    (ticket, epoch): (TicketId, i64),
    report: &Report,
    now: Timestamp,
) -> Outcome<bool> {
    let taken = connection.prepare_cached(sql::TICKET_REPORT)?.execute(params![
        ticket.number(),
        epoch,
        row::to_json(report)?,
        now.as_millisecond()
    ])?;
    Ok(taken > 0)
}

fn rescue(
    connection: &Connection,
    network: &NetworkCode,
    worker: WorkerId,
    now: Timestamp,
) -> Outcome<usize> {
    let rescued = connection.prepare_cached(sql::TICKET_RESCUE)?.execute(params![
        network.as_str(),
        worker.0.as_bytes().as_slice(),
        now.as_millisecond()
    ])?;
    Ok(rescued)
}
