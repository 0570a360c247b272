//! Opening tickets.
//!
//! Invariant: of everything that was asked before, the database answers first what the caller already has (a replayed
//! key), then who holds the subject, then whether the checks still hold. Only a ticket that passes all three writes, and
//! only such a one takes a number in its tenant's relations: they have no gaps.

use jiff::{SignedDuration, Timestamp};
use provisor_domain::limits::IDEMPOTENCY_HOURS;
use provisor_domain::store::{Idempotency, NewTicket, Opened};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::{Iccid, Msisdn, ParCustId, ServiceCode, TicketId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use secrecy::ExposeSecret;

use super::super::fault::{Fault, Result};
use super::super::statements::Statements;
use super::super::{audit, row, sql};

/// Most expired idempotency keys that are deleted with one new one.
const KEYS_FORGOTTEN_PER_KEY_MAX: usize = 4;

pub(super) fn open(connection: &Connection, tickets: &[NewTicket]) -> Result<Vec<Opened>> {
    let mut statements = Statements::of(connection);
    let mut next = None;
    tickets.iter().map(|ticket| open_one(&mut statements, ticket, &mut next)).collect()
}

fn open_one(
    statements: &mut Statements<'_>,
    new: &NewTicket,
    next: &mut Option<TicketId>,
) -> Result<Opened> {
    if let Some(answer) = remembered(statements, new.idempotency.as_ref(), new.raised)? {
        return Ok(answer);
    }
    if let Some(answer) = held_or_stale(statements, new)? {
        return Ok(answer);
    }
    let id = match *next {
        Some(id) => id,
        None => next_id(statements.connection())?,
    };
    insert(statements, id, new)?;
    // Only now: a refused ticket uses no number.
    *next = TicketId::new(id.number() + 1);
    Ok(Opened::Ticket(id))
}

/// What the idempotency key stands for already.
pub(in super::super) fn remembered(
    statements: &mut Statements<'_>,
    key: Option<&Idempotency>,
    raised: Timestamp,
) -> Result<Option<Opened>> {
    let Some(key) = key else { return Ok(None) };
    let found = statements
        .get(sql::TICKET_OPEN_REMEMBERED)?
        .query_row(params![key.user.0, key.method, key.key, raised.as_millisecond()], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    let Some((fingerprint, ticket)) = found else { return Ok(None) };
    if fingerprint != key.fingerprint {
        return Ok(Some(Opened::KeyReused));
    }
    let ticket = TicketId::new(ticket).ok_or_else(|| Fault::broken("a key without a ticket"))?;
    Ok(Some(Opened::Replayed(ticket)))
}

/// The ticket that holds a subject; else whether a subject has moved on.
fn held_or_stale(statements: &mut Statements<'_>, new: &NewTicket) -> Result<Option<Opened>> {
    let mut stale = false;
    let read = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?));
    for claim in &new.subjects {
        let key = claim.subject.key();
        let (holder, version) = match &claim.subject {
            Subject::Sim(iccid) => statements
                .get(sql::TICKET_OPEN_SUBJECT)?
                .query_row(params![key, iccid.as_str()], read)?,
            Subject::Portal(id) => {
                let (holder, version) = statements
                    .get(sql::TICKET_OPEN_PORTAL)?
                    .query_row(params![key, id.tenant.as_str(), id.customer.as_str()], read)?;
                // One that does not exist yet may be opened for: its first enable creates it.
                (holder, Some(version.unwrap_or(0)))
            }
        };
        if let Some(holder) = holder.and_then(TicketId::new) {
            return Ok(Some(Opened::Busy(holder)));
        }
        stale |= version != Some(claim.version);
    }
    Ok(stale.then_some(Opened::Stale))
}

fn insert(statements: &mut Statements<'_>, id: TicketId, new: &NewTicket) -> Result<()> {
    let kind = new.order.kind().as_str();
    let subjects: Vec<String> = new.subjects.iter().map(|claim| claim.subject.key()).collect();
    statements.get(sql::TICKET_OPEN_TICKET)?.execute(params![
        id.number(),
        kind,
        new.customer.as_str(),
        new.network.as_str(),
        new.about.iccid().map(Iccid::as_str),
        new.about.service().map(ServiceCode::number),
        new.about.cli().map(Msisdn::as_str),
        new.about.portal_customer().map(ParCustId::as_str),
        row::to_json(&new.order)?,
        new.origin.actor,
        new.raised.as_millisecond(),
        row::to_json(&subjects)?,
    ])?;
    let lock = statements.get(sql::TICKET_OPEN_LOCK)?;
    for subject in subjects {
        lock.execute(params![subject, id.number()])?;
    }
    if let About::Portal(customer) = &new.about {
        insert_portal(statements, (id, new), customer)?;
    }
    if let Some(key) = &new.idempotency {
        remember(statements, key, id, new.raised)?;
    }
    audit::add_with(
        statements,
        (&new.origin, new.raised),
        "ticket.open",
        &format!("ticket:{id}"),
        kind,
    )
}

/// What a portal customer's ticket has besides: the password it brings, its number in the order's relation.
fn insert_portal(
    statements: &mut Statements<'_>,
    (id, new): (TicketId, &NewTicket),
    customer: &ParCustId,
) -> Result<()> {
    if let Some(secret) = &new.secret {
        statements.get(sql::TICKET_OPEN_SECRET)?.execute(params![
            id.number(),
            secret.phc.expose_secret(),
            secret.form.as_str()
        ])?;
    }
    if let Some(request) = new.order.request() {
        let (pack, value) =
            request.pack.map(|(name, value)| (name.as_str(), value.as_str())).unzip();
        statements.get(sql::TICKET_OPEN_REQUEST)?.execute(params![
            new.customer.as_str(),
            request.relation.as_str(),
            customer.as_str(),
            request.action.as_str(),
            pack,
            value,
            id.number(),
        ])?;
    }
    Ok(())
}

pub(in super::super) fn remember(
    statements: &mut Statements<'_>,
    key: &Idempotency,
    id: TicketId,
    raised: Timestamp,
) -> Result<()> {
    let expires = raised
        .checked_add(SignedDuration::from_hours(IDEMPOTENCY_HOURS))
        .map_err(|error| Fault::broken(error.to_string()))?;
    statements
        .get(sql::TICKET_OPEN_FORGET)?
        .execute(params![raised.as_millisecond(), KEYS_FORGOTTEN_PER_KEY_MAX])?;
    statements.get(sql::TICKET_OPEN_REMEMBER)?.execute(params![
        key.user.0,
        key.method,
        key.key,
        key.fingerprint,
        id.number(),
        expires.as_millisecond()
    ])?;
    Ok(())
}

/// The next free number of tickets and support cases.
pub(in super::super) fn next_id(connection: &Connection) -> Result<TicketId> {
    let number = connection
        .prepare_cached(sql::TICKET_OPEN_NEXT_ID)?
        .query_row([TicketId::FIRST.number()], |row| row.get(0))?;
    TicketId::new(number).ok_or_else(|| Fault::broken("no number for a ticket"))
}
