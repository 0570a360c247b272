//! What operators do: maintenance, catalogue, stock, tickets by hand, figures.

use async_trait::async_trait;
use jiff::Timestamp;
use provisor_domain::catalogue::{Catalogue, CatalogueKeys, Network};
use provisor_domain::limits::TICKETS_PER_PAGE_MAX;
use provisor_domain::store::{
    Attempt, BadRow, CloseOutcome, ImportId, ImportRow, Operations, Origin, QueueStat, Stamp,
    StoreError, TicketDetail, TicketFilter, TicketMoved,
};
use provisor_domain::support_case::{CaseClosing, CaseDetail, CaseEntry, CaseFilter};
use provisor_domain::ticket::{Subject, Ticket};
use provisor_domain::{
    CustomerNumber, Iccid, NetworkCode, SealedKeys, ServiceCode, ServiceStatus, TicketId,
};
use tokio_postgres::Row;

use super::fault::Result as Outcome;
use super::link::{Ask, params};
use super::tickets::{cancel, retry};
use super::work::Work;
use super::{PostgresStore, audit, catalogue, row, sql, support_cases, told};

#[async_trait]
impl Operations for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        told(self.ask_one(sql::PING, vec![]).await.map(drop))
    }

    async fn stamp(&self) -> Result<Stamp, StoreError> {
        let stamp = async {
            let answers = self.ask(&[Ask::new(sql::STAMP, vec![])]).await?;
            let row = super::Fault::broken("no stamp");
            let row = answers.first().and_then(|answer| answer.rows.first()).ok_or(row)?;
            Ok(Stamp {
                users: row::get(row, 0)?,
                networks: row::get(row, 1)?,
                maintenance: row::get(row, 2)?,
                adopting: row::get(row, 3)?,
                heartbeat: row::get(row, 4)?,
            })
        };
        told(stamp.await)
    }

    async fn maintenance_set(
        &self,
        on: bool,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let set = async {
            let detail = if on { "on" } else { "off" };
            let by = (&origin, now);
            let line = audit::add(by, "maintenance", "installation".to_owned(), detail);
            let set = Ask::new(sql::MAINTENANCE_SET, params![i64::from(on)]);
            self.work().await?.commit_with(&[set, line]).await.map(drop)
        };
        told(set.await)
    }

    async fn catalogue_read(&self, keys: CatalogueKeys) -> Result<Catalogue, StoreError> {
        let read = async { catalogue::read(self.ask(&catalogue::asks(&keys)).await?, &keys) };
        told(read.await)
    }

    async fn catalogue_write(
        &self,
        catalogue: Catalogue,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let written =
            async { catalogue::write(self.work().await?, &catalogue, (&origin, now)).await };
        told(written.await)
    }

    async fn sim_import_begin(
        &self,
        file: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<ImportId, StoreError> {
        told(self.import_begin(file, origin, now).await)
    }

    async fn sim_import_rows(
        &self,
        import: ImportId,
        rows: Vec<ImportRow>,
    ) -> Result<Vec<BadRow>, StoreError> {
        told(self.import_rows(import, &rows).await)
    }

    async fn sim_import_sealed(&self) -> Result<Option<(Iccid, SealedKeys)>, StoreError> {
        told(self.import_sealed().await)
    }

    async fn sim_import_finish(&self, import: ImportId, now: Timestamp) -> Result<(), StoreError> {
        told(self.import_finish(import, now).await)
    }

    async fn sim_import_abandon(&self, import: ImportId) -> Result<(), StoreError> {
        told(self.import_abandon(import).await)
    }

    async fn ticket_list(&self, filter: TicketFilter) -> Result<Vec<Ticket>, StoreError> {
        let list = async {
            let answers = self.ask(&[list(&filter)]).await?;
            let rows = answers.iter().flat_map(|answer| &answer.rows);
            rows.map(|row| row::ticket(row, 0)).collect()
        };
        told(list.await)
    }

    async fn ticket_show(&self, id: TicketId) -> Result<Option<TicketDetail>, StoreError> {
        told(self.ticket_show(id).await)
    }

    async fn ticket_retry(
        &self,
        id: TicketId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<TicketMoved, StoreError> {
        let due = self.due(now);
        told(async { retry(self.work().await?, id, (&origin, now), due).await }.await)
    }

    async fn ticket_cancel(
        &self,
        id: TicketId,
        reason: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<TicketMoved, StoreError> {
        told(async { cancel(self.work().await?, id, &reason, (&origin, now)).await }.await)
    }

    async fn support_case_list(&self, filter: CaseFilter) -> Result<Vec<CaseEntry>, StoreError> {
        let list = async {
            let answers = self.ask(&[support_cases::list(filter)]).await?;
            let rows = answers.iter().flat_map(|answer| &answer.rows);
            rows.map(support_cases::read).collect()
        };
        told(list.await)
    }

    async fn support_case_show(&self, id: TicketId) -> Result<Option<CaseDetail>, StoreError> {
        let show = async {
            let answers = self.ask(&[support_cases::show(id)]).await?;
            let row = answers.first().and_then(|answer| answer.rows.first());
            row.map(support_cases::read_detail).transpose()
        };
        told(show.await)
    }

    async fn support_case_close(
        &self,
        ids: Vec<TicketId>,
        reason: Option<String>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<CaseClosing>, StoreError> {
        let closed = async {
            let mut work = self.work().await?;
            let mut outcomes = Vec::with_capacity(ids.len());
            for id in ids {
                let by = (&origin, now);
                outcomes.push(support_cases::close(&mut work, id, reason.as_deref(), by).await?);
            }
            work.commit().await?;
            Ok(outcomes)
        };
        told(closed.await)
    }

    async fn service_close(
        &self,
        codes: Vec<ServiceCode>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<CloseOutcome>, StoreError> {
        let closed = async {
            let mut work = self.work().await?;
            let mut outcomes = Vec::with_capacity(codes.len());
            for code in codes {
                outcomes.push(close(&mut work, code, (&origin, now)).await?);
            }
            work.commit().await?;
            Ok(outcomes)
        };
        told(closed.await)
    }

    async fn queue_stats(&self) -> Result<Vec<QueueStat>, StoreError> {
        let stats = async {
            let rows = self.ask_one(sql::QUEUE_STATS, vec![]).await?;
            rows.iter().map(read_stat).collect()
        };
        told(stats.await)
    }

    async fn network_list(&self) -> Result<Vec<Network>, StoreError> {
        let list = async {
            let rows = self.ask_one(sql::NETWORK_LIST, vec![]).await?;
            rows.iter().map(catalogue::network).collect()
        };
        told(list.await)
    }
}

fn list(filter: &TicketFilter) -> Ask {
    let only_open = !filter.states.is_empty() && filter.states.iter().all(|state| state.is_open());
    let sql = match (&filter.portal, &filter.iccid, &filter.customer) {
        (Some(_), _, _) => sql::TICKET_LIST_PORTAL,
        (None, Some(_), _) => sql::TICKET_LIST_ICCID,
        (None, None, Some(_)) => sql::TICKET_LIST_CUSTOMER,
        (None, None, None) if only_open => sql::TICKET_LIST_OPEN,
        (None, None, None) => sql::TICKET_LIST_ALL,
    };
    let words: Vec<&'static str> = filter.states.iter().map(|state| state.as_str()).collect();
    let asked = params![
        (!words.is_empty()).then_some(words),
        filter.customer.as_ref().map(CustomerNumber::to_string),
        filter.network.as_ref().map(NetworkCode::to_string),
        filter.iccid.as_ref().map(Iccid::to_string),
        filter.before.map_or(i64::MAX, TicketId::number),
        filter.portal.as_ref().map(|id| id.tenant.to_string()),
        filter.portal.as_ref().map(|id| id.customer.to_string()),
        row::number(filter.limit.min(TICKETS_PER_PAGE_MAX)),
    ];
    Ask::new(sql, asked)
}

fn read_attempt(row: &Row) -> Outcome<Attempt> {
    Ok(Attempt {
        epoch: row::get(row, 0)?,
        began: row::moment(row, 1)?,
        ended: row::moment(row, 2)?,
        state: row::text(row, 3)?,
        failure: row::failure(row, 4)?,
    })
}

fn read_stat(row: &Row) -> Outcome<QueueStat> {
    Ok(QueueStat {
        network: row::text(row, 0)?,
        kind: row::text(row, 1)?,
        state: row::text(row, 2)?,
        count: row::count(row, 3)?,
        oldest: row::moment(row, 4)?,
    })
}

impl PostgresStore {
    async fn ticket_show(&self, id: TicketId) -> Outcome<Option<TicketDetail>> {
        let asks = [sql::TICKET_SHOW_TICKET, sql::TICKET_SHOW_ATTEMPTS];
        let answers = self.ask(&asks.map(|sql| Ask::new(sql, params![id.number()]))).await?;
        let [ticket, attempts] = answers.as_slice() else { return Ok(None) };
        let Some(found) = ticket.rows.first() else { return Ok(None) };
        Ok(Some(TicketDetail {
            ticket: row::ticket(found, 0)?,
            // A newer program's order may not be readable here.
            order: row::json(found, row::TICKET_COLUMNS).ok(),
            attempts: attempts.rows.iter().map(read_attempt).collect::<Outcome<_>>()?,
        }))
    }
}

/// Where a service stands, its SIM, and whether a ticket about it is open.
async fn standing(
    work: &mut Work,
    code: ServiceCode,
) -> Outcome<Option<(ServiceStatus, Iccid, bool)>> {
    let found = work.one(sql::SERVICE_CLOSE_FIND, params![code.number()]).await?;
    let Some(row) = found.rows.first() else { return Ok(None) };
    Ok(Some((row::text(row, 0)?, row::text(row, 1)?, row::get(row, 2)?)))
}

async fn close(
    work: &mut Work,
    code: ServiceCode,
    by: (&Origin, Timestamp),
) -> Outcome<CloseOutcome> {
    let Some((status, iccid, _)) = standing(work, code).await? else {
        return Ok(CloseOutcome::Absent);
    };
    match status {
        ServiceStatus::Closed => return Ok(CloseOutcome::AlreadyClosed),
        ServiceStatus::SwitchedOff => {}
        ServiceStatus::Active | ServiceStatus::Barred => return Ok(CloseOutcome::NotSwitchedOff),
    }
    // Nobody opens a ticket about it from here on. Where one is open for its SIM, look whether it is about this service.
    let subjects = vec![Subject::Sim(iccid.clone()).key()];
    work.one(sql::CATALOGUE_WRITE_HOLD, params![subjects.clone()]).await?;
    let held = standing(work, code).await?.is_none_or(|(_, _, held)| held);
    let let_go = Ask::new(sql::CATALOGUE_WRITE_LET_GO, params![subjects]);
    if held {
        work.go(&[let_go]).await?;
        return Ok(CloseOutcome::NotSwitchedOff);
    }
    work.go(&[
        Ask::new(sql::SERVICE_CLOSE, params![code.number()]),
        Ask::new(sql::SIM_TOUCH, params![vec![iccid.to_string()]]),
        let_go,
        audit::add(by, "service.close", format!("service:{code}"), ""),
    ])
    .await?;
    Ok(CloseOutcome::Closed)
}
