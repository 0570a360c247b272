//! Tickets that a person moves.

use jiff::Timestamp;
use provisor_domain::store::{Origin, TicketMoved};
use provisor_domain::ticket::{FailureKind, TicketEvent};
use provisor_domain::{Msisdn, OrderKind, TicketId, TicketState};
use rusqlite::{Connection, params};

use super::super::fault::Result;
use super::super::statements::Statements;
use super::super::{audit, row, sql};
use super::number;
use super::settle::{forget_secret, touch_customer, unlock};

struct Found {
    state: TicketState,
    kind: OrderKind,
    cli: Option<Msisdn>,
    subjects: Vec<String>,
}

fn find(connection: &Connection, id: TicketId) -> Result<Option<Found>> {
    let mut statement = connection.prepare_cached(sql::TICKET_MOVE_FIND)?;
    let mut rows = statement.query([id.number()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Found {
        state: row::text(row, 0)?,
        kind: row::text(row, 1)?,
        cli: row::text_or_none(row, 2)?,
        subjects: row::json(row, 3)?,
    }))
}

/// Makes a ticket due now; one that is unknown gets a new round of attempts.
pub(in super::super) fn retry(
    connection: &Connection,
    id: TicketId,
    (origin, now): (&Origin, Timestamp),
) -> Result<TicketMoved> {
    let Some(found) = find(connection, id)? else { return Ok(TicketMoved::Absent) };
    let Ok(state) = found.state.after(TicketEvent::Retry) else {
        return Ok(TicketMoved::NotFrom(found.state));
    };
    connection
        .prepare_cached(sql::TICKET_RETRY)?
        .execute(params![id.number(), now.as_millisecond()])?;
    let (object, from) = (format!("ticket:{id}"), found.state.as_str());
    audit::add(connection, (origin, now), "ticket.retry", &object, from)?;
    Ok(TicketMoved::To(state))
}

/// Takes a ticket back, frees its subject and forgets the password that it brought.
pub(in super::super) fn cancel(
    connection: &Connection,
    id: TicketId,
    reason: &str,
    (origin, now): (&Origin, Timestamp),
) -> Result<TicketMoved> {
    let Some(mut found) = find(connection, id)? else { return Ok(TicketMoved::Absent) };
    let Ok(state) = found.state.after(TicketEvent::Cancel) else {
        return Ok(TicketMoved::NotFrom(found.state));
    };
    if found.kind == OrderKind::Connect
        && let Some(number) = &found.cli
        && number::give_back(connection, number, now)?
    {
        found.cli = None;
    }
    connection.prepare_cached(sql::TICKET_CANCEL)?.execute(params![
        id.number(),
        now.as_millisecond(),
        found.cli.as_ref().map(Msisdn::as_str),
        FailureKind::Cancelled.as_str(),
        reason,
    ])?;
    let mut statements = Statements::of(connection);
    unlock(&mut statements, id, &found.subjects)?;
    forget_secret(&mut statements, id)?;
    touch_customer(&mut statements, id)?;
    audit::add(connection, (origin, now), "ticket.cancel", &format!("ticket:{id}"), reason)?;
    Ok(TicketMoved::To(state))
}
