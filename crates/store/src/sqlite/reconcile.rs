//! The reconciler's part of the port, and the adoption of a restored database.

use async_trait::async_trait;
use jiff::Timestamp;
use provisor_domain::drift::Drift;
use provisor_domain::limits::{DRIFTS_PER_PAGE_MAX, TICKETS_PER_PAGE_MAX};
use provisor_domain::plan::{Asked, Books, ServiceBooks};
use provisor_domain::store::{
    Adopting, CheckPage, Checked, DriftStat, OpenTicket, Origin, Place, Reconcile, SliceId,
    StoreError, SweepAsk, Swept, Walk,
};
use provisor_domain::{Iccid, NetworkCode, Order, SealedKeys, TicketId};
use rusqlite::{Connection, params};

use super::fault::Result as Outcome;
use super::{SqliteStore, audit, row, sql, sweep, tickets};
use crate::walk::end;

#[async_trait]
impl Reconcile for SqliteStore {
    async fn sweep_claim(&self, ask: SweepAsk) -> Result<Swept, StoreError> {
        self.write(move |connection| sweep::claim(connection, &ask)).await
    }

    async fn sweep_settle(
        &self,
        network: NetworkCode,
        slice: Option<SliceId>,
        checked: Vec<Checked>,
        now: Timestamp,
    ) -> Result<Vec<Drift>, StoreError> {
        self.write(move |connection| sweep::settle(connection, &network, slice, &checked, now))
            .await
    }

    async fn sweep_again(
        &self,
        network: NetworkCode,
        tickets: Vec<TicketId>,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| sweep::again(connection, &network, &tickets, due)).await
    }

    async fn sweep_size(&self, network: NetworkCode) -> Result<u64, StoreError> {
        self.read(move |connection| sweep::size(connection, &network)).await
    }

    async fn check_page(
        &self,
        network: NetworkCode,
        walk: Walk,
        after: Place,
        until: Timestamp,
        take: usize,
    ) -> Result<CheckPage, StoreError> {
        let to = end(walk, until.as_millisecond());
        self.read(move |connection| sweep::page(connection, (&network, walk), after, to, take))
            .await
    }

    async fn sim_asked(&self, iccid: Iccid, limit: usize) -> Result<Vec<Asked>, StoreError> {
        self.read(move |connection| sweep::asked(connection, &iccid, limit)).await
    }

    async fn drift_list(
        &self,
        network: Option<NetworkCode>,
        limit: usize,
    ) -> Result<Vec<Drift>, StoreError> {
        let limit = limit.min(DRIFTS_PER_PAGE_MAX);
        self.read(move |connection| sweep::drift_list(connection, network.as_ref(), limit)).await
    }

    async fn drift_stats(&self) -> Result<Vec<DriftStat>, StoreError> {
        self.read(sweep::drift_stats).await
    }

    async fn drift_repaired(
        &self,
        network: NetworkCode,
        iccid: Iccid,
        ticket: TicketId,
    ) -> Result<(), StoreError> {
        self.write(move |connection| sweep::drift_repaired(connection, &network, &iccid, ticket))
            .await
    }

    async fn adopt_begin(
        &self,
        reason: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let mut begin = connection.prepare_cached(sql::ADOPT_BEGIN)?;
            if begin.execute([now.as_millisecond()])? == 0 {
                return Ok(false);
            }
            let mut restored = connection.prepare_cached(sql::BOOKS_RESTORED)?;
            restored.query_row([], |_| Ok(()))?;
            audit::add(connection, (&origin, now), "adopt.begin", "books", &reason)?;
            Ok(true)
        })
        .await
    }

    async fn adopt_read(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.prepare_cached(sql::ADOPT_READ)?.execute([now.as_millisecond()])?;
            Ok(())
        })
        .await
    }

    async fn adopt_finish(&self, origin: Origin, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |connection| {
            if connection.prepare_cached(sql::ADOPT_FINISH)?.execute([])? == 0 {
                return Ok(false);
            }
            audit::add(connection, (&origin, now), "adopt.finish", "books", "")?;
            Ok(true)
        })
        .await
    }

    async fn adopt_status(&self) -> Result<Option<Adopting>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::ADOPT_STATUS)?;
            let mut rows = statement.query([])?;
            let Some(found) = rows.next()? else { return Ok(None) };
            let read = row::moment(found, 1)?;
            let read = (read.as_millisecond() > 0).then_some(read);
            Ok(Some(Adopting { since: row::moment(found, 0)?, read }))
        })
        .await
    }

    async fn open_page(
        &self,
        after: Option<TicketId>,
        limit: usize,
    ) -> Result<Vec<OpenTicket>, StoreError> {
        self.read(move |connection| open_page(connection, after, limit.min(TICKETS_PER_PAGE_MAX)))
            .await
    }

    async fn heartbeat(&self, at_least: i64) -> Result<i64, StoreError> {
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(sql::HEARTBEAT)?;
            Ok(statement.query_row([at_least], |row| row.get(0))?)
        })
        .await
    }
}

fn open_page(
    connection: &Connection,
    after: Option<TicketId>,
    limit: usize,
) -> Outcome<Vec<OpenTicket>> {
    const SIM_AT: usize = row::TICKET_COLUMNS + 1;
    let mut statement = connection.prepare_cached(sql::OPEN_PAGE)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after.map_or(0, TicketId::number), limit])?;
    let mut open = Vec::new();
    while let Some(found) = rows.next()? {
        let ticket = row::ticket(found, 0)?;
        // A newer program's order may not be readable here.
        let order = row::json(found, row::TICKET_COLUMNS).ok();
        let sim = row::sim(found, SIM_AT)?;
        let new_sim = match &order {
            Some(Order::ChangeSim { new_sim }) => tickets::find_sim(connection, new_sim)?,
            _ => None,
        };
        let books = ServiceBooks {
            customer: ticket.customer.clone(),
            network: ticket.network.clone(),
            service: row::service_or_none(found, SIM_AT + row::SIM_COLUMNS)?,
            new_sim,
            // Looking sends nothing.
            keys: SealedKeys::default(),
            number: ticket.about.cli().cloned().or_else(|| sim.msisdn.clone()),
            range_exhausted: false,
            sim,
        };
        open.push(OpenTicket { ticket, order, books: Books::Service(Box::new(books)) });
    }
    Ok(open)
}
