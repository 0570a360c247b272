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
use provisor_domain::ticket::Ticket;
use provisor_domain::{
    CustomerNumber, Iccid, NetworkCode, SealedKeys, ServiceCode, ServiceStatus, TicketId,
};
use rusqlite::{Connection, params};

use super::fault::Result as Outcome;
use super::tickets::{cancel, retry};
use super::{SqliteStore, audit, catalogue, import, row, sql, support_cases};

#[async_trait]
impl Operations for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.check_writer()?;
        self.read(|connection| {
            connection.prepare_cached(sql::PING)?.query_row([], |_| Ok(()))?;
            Ok(())
        })
        .await
    }

    async fn stamp(&self) -> Result<Stamp, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::STAMP)?;
            Ok(statement.query_row([], |row| {
                Ok(Stamp {
                    users: row.get(0)?,
                    networks: row.get(1)?,
                    maintenance: row.get(2)?,
                    adopting: row.get(3)?,
                    heartbeat: row.get(4)?,
                })
            })?)
        })
        .await
    }

    async fn maintenance_set(
        &self,
        on: bool,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.prepare_cached(sql::MAINTENANCE_SET)?.execute([on])?;
            let detail = if on { "on" } else { "off" };
            audit::add(connection, (&origin, now), "maintenance", "installation", detail)
        })
        .await
    }

    async fn catalogue_read(&self, keys: CatalogueKeys) -> Result<Catalogue, StoreError> {
        self.read(move |connection| catalogue::read(connection, &keys)).await
    }

    async fn catalogue_write(
        &self,
        catalogue: Catalogue,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| catalogue::write(connection, &catalogue, (&origin, now))).await
    }

    async fn sim_import_begin(
        &self,
        file: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<ImportId, StoreError> {
        self.import_begin(file, origin, now).await
    }

    async fn sim_import_rows(
        &self,
        import: ImportId,
        rows: Vec<ImportRow>,
    ) -> Result<Vec<BadRow>, StoreError> {
        self.import_rows(import, rows.into()).await
    }

    async fn sim_import_sealed(&self) -> Result<Option<(Iccid, SealedKeys)>, StoreError> {
        self.read(import::sealed).await
    }

    async fn sim_import_finish(&self, import: ImportId, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| import::finish(connection, import, now)).await
    }

    async fn sim_import_abandon(&self, import: ImportId) -> Result<(), StoreError> {
        self.import_abandon(import).await
    }

    async fn ticket_list(&self, filter: TicketFilter) -> Result<Vec<Ticket>, StoreError> {
        self.read(move |connection| list(connection, &filter)).await
    }

    async fn ticket_show(&self, id: TicketId) -> Result<Option<TicketDetail>, StoreError> {
        self.read(move |connection| show(connection, id)).await
    }

    async fn ticket_retry(
        &self,
        id: TicketId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<TicketMoved, StoreError> {
        self.write(move |connection| retry(connection, id, (&origin, now))).await
    }

    async fn ticket_cancel(
        &self,
        id: TicketId,
        reason: String,
        origin: Origin,
        now: Timestamp,
    ) -> Result<TicketMoved, StoreError> {
        self.write(move |connection| cancel(connection, id, &reason, (&origin, now))).await
    }

    async fn support_case_list(&self, filter: CaseFilter) -> Result<Vec<CaseEntry>, StoreError> {
        self.read(move |connection| support_cases::list(connection, filter)).await
    }

    async fn support_case_show(&self, id: TicketId) -> Result<Option<CaseDetail>, StoreError> {
        self.read(move |connection| support_cases::show(connection, id)).await
    }

    async fn support_case_close(
        &self,
        ids: Vec<TicketId>,
        reason: Option<String>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<CaseClosing>, StoreError> {
        self.write(move |connection| {
            let (reason, by) = (reason.as_deref(), (&origin, now));
            ids.iter().map(|id| support_cases::close(connection, *id, reason, by)).collect()
        })
        .await
    }

    async fn service_close(
        &self,
        codes: Vec<ServiceCode>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<CloseOutcome>, StoreError> {
        self.write(move |connection| {
            codes.iter().map(|code| close(connection, *code, (&origin, now))).collect()
        })
        .await
    }

    async fn queue_stats(&self) -> Result<Vec<QueueStat>, StoreError> {
        self.read(queue_stats).await
    }

    async fn network_list(&self) -> Result<Vec<Network>, StoreError> {
        self.read(catalogue::networks).await
    }
}

fn list(connection: &Connection, filter: &TicketFilter) -> Outcome<Vec<Ticket>> {
    let only_open = !filter.states.is_empty() && filter.states.iter().all(|state| state.is_open());
    let sql = match (&filter.portal, &filter.iccid, &filter.customer) {
        (Some(_), _, _) => sql::TICKET_LIST_PORTAL,
        (None, Some(_), _) => sql::TICKET_LIST_ICCID,
        (None, None, Some(_)) => sql::TICKET_LIST_CUSTOMER,
        (None, None, None) if only_open => sql::TICKET_LIST_OPEN,
        (None, None, None) => sql::TICKET_LIST_ALL,
    };
    let words: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    let states = if words.is_empty() { None } else { Some(row::to_json(&words)?) };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![
        states,
        filter.customer.as_ref().map(CustomerNumber::as_str),
        filter.network.as_ref().map(NetworkCode::as_str),
        filter.iccid.as_ref().map(Iccid::as_str),
        filter.before.map_or(i64::MAX, TicketId::number),
        filter.portal.as_ref().map(|id| id.tenant.as_str()),
        filter.portal.as_ref().map(|id| id.customer.as_str()),
        filter.limit.min(TICKETS_PER_PAGE_MAX),
    ])?;
    let mut tickets = Vec::new();
    while let Some(row) = rows.next()? {
        tickets.push(row::ticket(row, 0)?);
    }
    Ok(tickets)
}

fn show(connection: &Connection, id: TicketId) -> Outcome<Option<TicketDetail>> {
    let mut statement = connection.prepare_cached(sql::TICKET_SHOW_TICKET)?;
    let mut rows = statement.query([id.number()])?;
    let Some(found) = rows.next()? else { return Ok(None) };
    let ticket = row::ticket(found, 0)?;
    // A newer program's order may not be readable here.
    let order = row::json(found, row::TICKET_COLUMNS).ok();
    let mut statement = connection.prepare_cached(sql::TICKET_SHOW_ATTEMPTS)?;
    let mut rows = statement.query([id.number()])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(Attempt {
            epoch: row.get(0)?,
            began: row::moment(row, 1)?,
            ended: row::moment(row, 2)?,
            state: row::text(row, 3)?,
            failure: row::failure(row, 4)?,
        });
    }
    Ok(Some(TicketDetail { ticket, order, attempts }))
}

fn close(
    connection: &Connection,
    code: ServiceCode,
    now: (&Origin, Timestamp),
) -> Outcome<CloseOutcome> {
    let mut statement = connection.prepare_cached(sql::SERVICE_CLOSE_FIND)?;
    let mut rows = statement.query([code.number()])?;
    let Some(found) = rows.next()? else { return Ok(CloseOutcome::Absent) };
    let status: ServiceStatus = row::text(found, 0)?;
    let iccid: Iccid = row::text(found, 1)?;
    let held: bool = found.get(2)?;
    match status {
        ServiceStatus::Closed => return Ok(CloseOutcome::AlreadyClosed),
        ServiceStatus::SwitchedOff if !held => {}
        ServiceStatus::SwitchedOff | ServiceStatus::Active | ServiceStatus::Barred => {
            return Ok(CloseOutcome::NotSwitchedOff);
        }
    }
    connection.prepare_cached(sql::SERVICE_CLOSE)?.execute([code.number()])?;
    connection.prepare_cached(sql::SIM_TOUCH)?.execute([iccid.as_str()])?;
    audit::add(connection, now, "service.close", &format!("service:{code}"), "")?;
    Ok(CloseOutcome::Closed)
}

fn queue_stats(connection: &Connection) -> Outcome<Vec<QueueStat>> {
    let mut statement = connection.prepare_cached(sql::QUEUE_STATS)?;
    let mut rows = statement.query([])?;
    let mut stats = Vec::new();
    while let Some(row) = rows.next()? {
        stats.push(QueueStat {
            network: row::text(row, 0)?,
            kind: row::text(row, 1)?,
            state: row::text(row, 2)?,
            count: row.get(3)?,
            oldest: row::moment(row, 4)?,
        });
    }
    Ok(stats)
}
