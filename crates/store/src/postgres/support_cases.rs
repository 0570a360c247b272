//! Support cases, for the people who answer them.

use jiff::Timestamp;
use provisor_domain::TicketId;
use provisor_domain::limits::{CASE_MESSAGE_LISTED_CHARS_MAX, CASES_PER_PAGE_MAX};
use provisor_domain::store::Origin;
use provisor_domain::support_case::{
    CaseClosing, CaseDetail, CaseEntry, CaseFilter, SupportCase, SupportFile,
};
use tokio_postgres::Row;

use super::fault::Result;
use super::link::{Ask, params};
use super::work::Work;
use super::{audit, row, sql};

/// How many columns a support case takes without its file.
const COLUMNS: usize = 10;

pub(super) fn list(filter: CaseFilter) -> Ask {
    let sql = if filter.closed { sql::SUPPORT_CASE_LIST_ALL } else { sql::SUPPORT_CASE_LIST_OPEN };
    let asked = params![
        row::number(CASE_MESSAGE_LISTED_CHARS_MAX),
        filter.before.map_or(i64::MAX, TicketId::number),
        row::number(filter.limit.min(CASES_PER_PAGE_MAX)),
    ];
    Ask::new(sql, asked)
}

pub(super) fn show(id: TicketId) -> Ask {
    Ask::new(sql::SUPPORT_CASE_SHOW, params![id.number()])
}

pub(super) fn read_detail(row: &Row) -> Result<CaseDetail> {
    let entry = read(row)?;
    let content: Option<Vec<u8>> = row::get(row, COLUMNS)?;
    let file = entry.file_name.clone().zip(content);
    let file = file.map(|(name, content)| SupportFile { name, content });
    Ok(CaseDetail { entry, file })
}

pub(super) async fn close(
    work: &mut Work,
    id: TicketId,
    reason: Option<&str>,
    by: (&Origin, Timestamp),
) -> Result<CaseClosing> {
    let asked = params![id.number(), by.1.as_millisecond(), reason.map(str::to_owned)];
    if work.one(sql::SUPPORT_CASE_CLOSE, asked).await?.changed > 0 {
        let detail = reason.unwrap_or_default();
        work.go(&[audit::add(by, "support_case.close", format!("case:{id}"), detail)]).await?;
        return Ok(CaseClosing::Closed);
    }
    let known = work.one(sql::SUPPORT_CASE_CLOSE_KNOWN, params![id.number()]).await?;
    Ok(if known.rows.is_empty() { CaseClosing::Absent } else { CaseClosing::AlreadyClosed })
}

/// A support case: id, type, service, raised, closed, customer, raised by, message, file name, close reason.
pub(super) fn read(row: &Row) -> Result<CaseEntry> {
    Ok(CaseEntry {
        case: SupportCase {
            id: row::ticket_id(row, 0)?,
            ticket_type: row::text(row, 1)?,
            service: row::service_code_or_none(row, 2)?,
            raised: row::moment(row, 3)?,
            closed: row::moment_or_none(row, 4)?,
        },
        customer: row::text_or_none(row, 5)?,
        raised_by: row::get(row, 6)?,
        message: row::get(row, 7)?,
        file_name: row::get(row, 8)?,
        close_reason: row::get(row, 9)?,
    })
}
