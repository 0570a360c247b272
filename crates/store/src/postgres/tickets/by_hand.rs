//! Tickets that a person moves.

use jiff::Timestamp;
use provisor_domain::store::{Origin, TicketMoved};
use provisor_domain::ticket::{FailureKind, TicketEvent};
use provisor_domain::{Msisdn, OrderKind, TicketId, TicketState};

use super::super::fault::Result;
use super::super::link::{Ask, params};
use super::super::work::Work;
use super::super::{audit, row, sql};

struct Found {
    state: TicketState,
    kind: OrderKind,
    cli: Option<Msisdn>,
    subjects: Vec<String>,
}

/// The ticket, which nobody else moves until the end of this transaction.
async fn find(work: &mut Work, id: TicketId) -> Result<Option<Found>> {
    // Two statements: the second one sees what became of it while the first one waited.
    let asks = [sql::TICKET_MOVE_HOLD, sql::TICKET_MOVE_FIND];
    let found = work.go(&asks.map(|sql| Ask::new(sql, params![id.number()]))).await?;
    let Some(row) = found.last().and_then(|found| found.rows.first()) else { return Ok(None) };
    Ok(Some(Found {
        state: row::text(row, 0)?,
        kind: row::text(row, 1)?,
        cli: row::text_or_none(row, 2)?,
        subjects: row::get(row, 3)?,
    }))
}

/// Makes a ticket due, at `due` or now by the database's clock; one that is unknown gets a new round of attempts.
pub(in super::super) async fn retry(
    mut work: Work,
    id: TicketId,
    by: (&Origin, Timestamp),
    due: Option<i64>,
) -> Result<TicketMoved> {
    let Some(found) = find(&mut work, id).await? else { return Ok(TicketMoved::Absent) };
    let Ok(state) = found.state.after(TicketEvent::Retry) else {
        return Ok(TicketMoved::NotFrom(found.state));
    };
    let line = audit::add(by, "ticket.retry", format!("ticket:{id}"), found.state.as_str());
    work.commit_with(&[Ask::new(sql::TICKET_RETRY, params![id.number(), due]), line]).await?;
    Ok(TicketMoved::To(state))
}

/// Takes a ticket back, frees its subject and forgets the password that it brought.
pub(in super::super) async fn cancel(
    mut work: Work,
    id: TicketId,
    reason: &str,
    by: (&Origin, Timestamp),
) -> Result<TicketMoved> {
    let Some(mut found) = find(&mut work, id).await? else { return Ok(TicketMoved::Absent) };
    let Ok(state) = found.state.after(TicketEvent::Cancel) else {
        return Ok(TicketMoved::NotFrom(found.state));
    };
    let now = by.1.as_millisecond();
    if found.kind == OrderKind::Connect
        && let Some(number) = &found.cli
    {
        // It may be given again at once, when it is one of the range.
        let rest = params![vec![number.to_string()], vec![now]];
        if work.one(sql::TICKET_SETTLE_NUMBER_REST, rest).await?.changed > 0 {
            found.cli = None;
        }
    }
    let cancel = params![
        id.number(),
        now,
        found.cli.as_ref().map(Msisdn::to_string),
        FailureKind::Cancelled.as_str(),
        reason.to_owned(),
    ];
    let held = vec![id.number(); found.subjects.len()];
    work.commit_with(&[
        Ask::new(sql::TICKET_CANCEL, cancel),
        Ask::new(sql::TICKET_SETTLE_UNLOCK, params![found.subjects, held]),
        Ask::new(sql::TICKET_SETTLE_FORGET, params![vec![id.number()]]),
        Ask::new(sql::PORTAL_TOUCH, params![vec![id.number()]]),
        audit::add(by, "ticket.cancel", format!("ticket:{id}"), reason),
    ])
    .await?;
    Ok(TicketMoved::To(state))
}
