//! The reconciler's part of the port, and the adoption of a restored database.

use async_trait::async_trait;
use jiff::Timestamp;
use provisor_domain::drift::Drift;
use provisor_domain::limits::{DRIFTS_PER_PAGE_MAX, TICKETS_PER_PAGE_MAX};
use provisor_domain::plan::{Asked, Books, ServiceBooks};
use provisor_domain::store::{
    Adopting, CheckPage, Checked, DriftStat, OpenTicket, Origin, PageAsk, Reconcile, SliceId,
    StoreError, SweepAsk, Swept,
};
use provisor_domain::{Iccid, NetworkCode, Order, SealedKeys, SimRecord, TicketId};
use tokio_postgres::Row;

use super::fault::Result as Outcome;
use super::link::{Ask, Param, params};
use super::sweep::{self, Asker};
use super::{PostgresStore, audit, row, sql, told};
use crate::walk::end;

#[async_trait]
impl Reconcile for PostgresStore {
    async fn sweep_claim(&self, ask: SweepAsk) -> Result<Swept, StoreError> {
        let clock = self.shared.clock;
        told(async { sweep::claim(self.work().await?, &ask, clock).await }.await)
    }

    async fn sweep_settle(
        &self,
        network: NetworkCode,
        slice: Option<SliceId>,
        checked: Vec<Checked>,
        now: Timestamp,
    ) -> Result<Vec<Drift>, StoreError> {
        let settled =
            async { sweep::settle(self.work().await?, &network, slice, &checked, now).await };
        told(settled.await)
    }

    async fn sweep_again(
        &self,
        network: NetworkCode,
        tickets: Vec<TicketId>,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let ids: Vec<i64> = tickets.into_iter().map(TicketId::number).collect();
        let again = params![network.to_string(), ids, due.as_millisecond()];
        told(self.change(sql::SWEEP_AGAIN, again).await.map(drop))
    }

    async fn sweep_size(&self, network: NetworkCode) -> Result<u64, StoreError> {
        let size = async {
            let rows = self.ask_one(sql::SWEEP_SIZE, params![network.to_string()]).await?;
            rows.first().map_or(Ok(0), |row| row::count(row, 0))
        };
        told(size.await)
    }

    async fn check_page(&self, ask: PageAsk) -> Result<CheckPage, StoreError> {
        let PageAsk { network, walk, after, until, take } = ask;
        let to = end(walk, until.as_millisecond());
        let mut asker = Asker::Reader(self);
        told(sweep::page(&mut asker, (&network, walk), (after, to), take).await)
    }

    async fn sim_asked(&self, iccid: Iccid, limit: usize) -> Result<Vec<Asked>, StoreError> {
        told(self.asked(&iccid, limit).await)
    }

    async fn drift_list(
        &self,
        network: Option<NetworkCode>,
        limit: usize,
    ) -> Result<Vec<Drift>, StoreError> {
        told(self.drifts(network.as_ref(), limit.min(DRIFTS_PER_PAGE_MAX)).await)
    }

    async fn drift_stats(&self) -> Result<Vec<DriftStat>, StoreError> {
        told(self.drift_counts().await)
    }

    async fn drift_repaired(
        &self,
        network: NetworkCode,
        iccid: Iccid,
        ticket: TicketId,
    ) -> Result<(), StoreError> {
        let noted = params![network.to_string(), iccid.to_string(), ticket.number()];
        told(self.change(sql::DRIFT_REPAIRED, noted).await.map(drop))
    }

    async fn adopt_begin(
        &self,
        reason: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let begun = async {
            let mut work = self.work().await?;
            // Before anything else: claims hold it from their beginning on.
            let alone = Ask::new(sql::ADOPT_BEGIN_ALONE, vec![]);
            let begin = Ask::new(sql::ADOPT_BEGIN, params![now.as_millisecond()]);
            let answers = work.go(&[alone, begin]).await?;
            if answers.last().is_none_or(|begun| begun.changed == 0) {
                work.commit().await?;
                return Ok(false);
            }
            let line = audit::add((&origin, now), "adopt.begin", "books".to_owned(), &reason);
            work.commit_with(&[Ask::new(sql::BOOKS_RESTORED, vec![]), line]).await?;
            Ok(true)
        };
        told(begun.await)
    }

    async fn adopt_read(&self, now: Timestamp) -> Result<(), StoreError> {
        told(self.change(sql::ADOPT_READ, params![now.as_millisecond()]).await.map(drop))
    }

    async fn adopt_finish(&self, origin: Origin, now: Timestamp) -> Result<bool, StoreError> {
        let finished = async {
            let mut work = self.work().await?;
            if work.one(sql::ADOPT_FINISH, vec![]).await?.changed == 0 {
                work.commit().await?;
                return Ok(false);
            }
            let line = audit::add((&origin, now), "adopt.finish", "books".to_owned(), "");
            work.commit_with(&[line]).await?;
            Ok(true)
        };
        told(finished.await)
    }

    async fn adopt_status(&self) -> Result<Option<Adopting>, StoreError> {
        let status = async {
            let rows = self.ask_one(sql::ADOPT_STATUS, vec![]).await?;
            let Some(found) = rows.first() else { return Ok(None) };
            let read = row::moment(found, 1)?;
            let read = (read.as_millisecond() > 0).then_some(read);
            Ok(Some(Adopting { since: row::moment(found, 0)?, read }))
        };
        told(status.await)
    }

    async fn open_page(
        &self,
        after: Option<TicketId>,
        limit: usize,
    ) -> Result<Vec<OpenTicket>, StoreError> {
        told(self.open_tickets(after, limit.min(TICKETS_PER_PAGE_MAX)).await)
    }

    async fn heartbeat(&self, at_least: i64) -> Result<i64, StoreError> {
        let beat = async {
            let mut work = self.work().await?;
            let answer = work.one(sql::HEARTBEAT, params![at_least]).await?;
            let beat = row::get(answer.one()?, 0)?;
            work.commit().await?;
            Ok(beat)
        };
        told(beat.await)
    }
}

impl PostgresStore {
    /// Runs one statement that changes something; answers how many rows it changed.
    async fn change(&self, sql: &'static str, params: Vec<Param>) -> Outcome<u64> {
        let answers = self.work().await?.commit_with(&[Ask::new(sql, params)]).await?;
        Ok(answers.first().map_or(0, |answer| answer.changed))
    }

    async fn open_tickets(
        &self,
        after: Option<TicketId>,
        limit: usize,
    ) -> Outcome<Vec<OpenTicket>> {
        let asked = params![after.map_or(0, TicketId::number), row::number(limit)];
        let rows = self.ask_one(sql::OPEN_PAGE, asked).await?;
        let mut open: Vec<OpenTicket> = rows.iter().map(read_open).collect::<Outcome<_>>()?;
        let wanted: Vec<String> = open.iter().filter_map(new_sim).map(Iccid::to_string).collect();
        if wanted.is_empty() {
            return Ok(open);
        }
        let rows = self.ask_one(sql::SIM_FIND, params![wanted]).await?;
        let sims: Vec<SimRecord> =
            rows.iter().map(|row| row::sim(row, 0)).collect::<Outcome<_>>()?;
        for one in &mut open {
            let found = new_sim(one).and_then(|iccid| sims.iter().find(|sim| sim.iccid == *iccid));
            let found = found.cloned();
            if let Books::Service(books) = &mut one.books {
                books.new_sim = found;
            }
        }
        Ok(open)
    }
}

/// The SIM that an order moves to.
fn new_sim(open: &OpenTicket) -> Option<&Iccid> {
    match &open.order {
        Some(Order::ChangeSim { new_sim }) => Some(new_sim),
        _ => None,
    }
}

fn read_open(found: &Row) -> Outcome<OpenTicket> {
    const SIM_AT: usize = row::TICKET_COLUMNS + 1;
    let ticket = row::ticket(found, 0)?;
    let sim = row::sim(found, SIM_AT)?;
    let books = ServiceBooks {
        customer: ticket.customer.clone(),
        network: ticket.network.clone(),
        service: row::service_or_none(found, SIM_AT + row::SIM_COLUMNS)?,
        new_sim: None,
        // Looking sends nothing.
        keys: SealedKeys::default(),
        number: ticket.about.cli().cloned().or_else(|| sim.msisdn.clone()),
        range_exhausted: false,
        sim,
    };
    // A newer program's order may not be readable here.
    let order = row::json(found, row::TICKET_COLUMNS).ok();
    Ok(OpenTicket { ticket, order, books: Books::Service(Box::new(books)) })
}
