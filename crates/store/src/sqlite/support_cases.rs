//! Support cases, for the people who answer them.

use jiff::Timestamp;
use provisor_domain::TicketId;
use provisor_domain::limits::{CASE_MESSAGE_LISTED_CHARS_MAX, CASES_PER_PAGE_MAX};
use provisor_domain::store::Origin;
use provisor_domain::support_case::{
    CaseClosing, CaseDetail, CaseEntry, CaseFilter, SupportCase, SupportFile,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Result;
use super::{audit, row, sql};

/// How many columns a support case takes without its file.
const COLUMNS: usize = 10;

pub(super) fn list(connection: &Connection, filter: CaseFilter) -> Result<Vec<CaseEntry>> {
    let sql = if filter.closed { sql::SUPPORT_CASE_LIST_ALL } else { sql::SUPPORT_CASE_LIST_OPEN };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![
        CASE_MESSAGE_LISTED_CHARS_MAX,
        filter.before.map_or(i64::MAX, TicketId::number),
        filter.limit.min(CASES_PER_PAGE_MAX),
    ])?;
    let mut cases = Vec::new();
    while let Some(row) = rows.next()? {
        cases.push(entry(row)?);
    }
    Ok(cases)
}

pub(super) fn show(connection: &Connection, id: TicketId) -> Result<Option<CaseDetail>> {
    let mut statement = connection.prepare_cached(sql::SUPPORT_CASE_SHOW)?;
    let mut rows = statement.query([id.number()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let entry = entry(row)?;
    let content: Option<Vec<u8>> = row.get(COLUMNS)?;
    let file = entry.file_name.clone().zip(content);
    let file = file.map(|(name, content)| SupportFile { name, content });
    Ok(Some(CaseDetail { entry, file }))
}

pub(super) fn close(
    connection: &Connection,
    id: TicketId,
    reason: Option<&str>,
    by: (&Origin, Timestamp),
) -> Result<CaseClosing> {
    let closed = connection.prepare_cached(sql::SUPPORT_CASE_CLOSE)?.execute(params![
        id.number(),
        by.1.as_millisecond(),
        reason
    ])?;
    if closed > 0 {
        let detail = reason.unwrap_or_default();
        audit::add(connection, by, "support_case.close", &format!("case:{id}"), detail)?;
        return Ok(CaseClosing::Closed);
    }
    let known = connection
        .prepare_cached(sql::SUPPORT_CASE_CLOSE_KNOWN)?
        .query_row([id.number()], |_| Ok(()))
        .optional()?;
    Ok(if known.is_some() { CaseClosing::AlreadyClosed } else { CaseClosing::Absent })
}

/// A support case: id, type, service, raised, closed, customer, raised by, message, file name, close reason.
fn entry(row: &Row<'_>) -> Result<CaseEntry> {
    Ok(CaseEntry {
        case: SupportCase {
            id: row::ticket_id(row, 0)?,
            ticket_type: row::text(row, 1)?,
            service: row::service_code_or_none(row, 2)?,
            raised: row::moment(row, 3)?,
            closed: row::moment_or_none(row, 4)?,
        },
        customer: row::text_or_none(row, 5)?,
        raised_by: row.get(6)?,
        message: row.get(7)?,
        file_name: row.get(8)?,
        close_reason: row.get(9)?,
    })
}
