//! Claiming tickets, fairly between customers.
//!
//! The claim walks the customers that have claimable tickets, one step of the index each, beginning after the one who
//! was served last. Each gets an equal share; what is left over goes round by round to those who have more.
//!
//! Invariant: the cost of a claim does not depend on how many tickets wait or are finished. It grows with the customers
//! that have open tickets but none that is due: they are stepped over, at most [`CUSTOMERS_STEPPED_OVER`] of them once
//! something was found.

use jiff::{SignedDuration, Timestamp};
use provisor_domain::driver::{Acceptance, Report};
use provisor_domain::plan::{Books, PortalBooks, ServiceBooks};
use provisor_domain::portal::{PortalId, PortalSecret};
use provisor_domain::store::{ClaimAsk, Claimed, Lease};
use provisor_domain::{
    CustomerNumber, Iccid, Msisdn, NetworkCode, Order, OrderKind, SealedKeys, SimRecord,
    TenantName, TicketId, TicketState,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use secrecy::SecretString;

use super::super::fault::{Fault, Result};
use super::super::statements::Statements;
use super::super::{portal, row, sql};
use super::number::Range;

/// Most customers that one claim serves.
const CUSTOMERS_PER_CLAIM_MAX: usize = 64;
/// Most customers that a claim looks at once it has found one to serve.
const CUSTOMERS_STEPPED_OVER: usize = 1_024;
/// Where the columns of the SIM begin, and those of the service.
const SIM_AT: usize = 10;
const SERVICE_AT: usize = SIM_AT + row::SIM_COLUMNS;
/// Where the columns of the SIM's keys begin.
const KEYS_AT: usize = SERVICE_AT + row::SERVICE_COLUMNS;
/// Where what was accepted and reported is.
const ACCEPTED_AT: usize = KEYS_AT + 2;

pub(super) fn claim(connection: &Connection, ask: &ClaimAsk) -> Result<Claimed> {
    let walk = walk(connection, ask)?;
    let mut claimed = Claimed { leases: Vec::new(), last: ask.after.clone(), more: !walk.complete };
    if let Some(last) = walk.due.last() {
        claimed.last = Some(last.clone());
    }
    let mut taker = Taker {
        statements: Statements::of(connection),
        ask,
        until: lease_end(ask)?,
        range: Range::read(connection, &ask.network)?,
        generation: None,
    };
    let mut hungry = walk.due;
    while claimed.leases.len() < ask.take && !hungry.is_empty() {
        let mut still_hungry = Vec::new();
        let share = (ask.take - claimed.leases.len()).div_ceil(hungry.len());
        for customer in hungry {
            let room = share.min(ask.take - claimed.leases.len());
            let leases = taker.take(&customer, room)?;
            if leases.len() == room {
                still_hungry.push(customer);
            }
            claimed.leases.extend(leases);
        }
        hungry = still_hungry;
    }
    claimed.more |= !hungry.is_empty();
    taker.range.finish(connection)?;
    Ok(claimed)
}

fn lease_end(ask: &ClaimAsk) -> Result<Timestamp> {
    SignedDuration::try_from(ask.lease)
        .and_then(|lease| ask.now.checked_add(lease))
        .map_err(|error| Fault::broken(format!("the lease does not end: {error}")))
}

/// The customers to be served.
struct Walk {
    due: Vec<CustomerNumber>,
    /// True when every customer with claimable tickets was looked at.
    complete: bool,
}

/// Walks once round the customers, beginning after the one who was served last.
fn walk(connection: &Connection, ask: &ClaimAsk) -> Result<Walk> {
    let mut statement = connection.prepare_cached(sql::TICKET_CLAIM_NEXT_CUSTOMER)?;
    let start = ask.after.as_ref().map_or("", CustomerNumber::as_str);
    let most = ask.take.min(CUSTOMERS_PER_CLAIM_MAX);
    let mut due = Vec::new();
    let (mut at, mut wrapped, mut steps) = (start.to_owned(), start.is_empty(), 0_usize);
    while due.len() < most && (due.is_empty() || steps < CUSTOMERS_STEPPED_OVER) {
        steps += 1;
        let found = statement
            .query_row(params![ask.network.as_str(), at], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        match found {
            None if wrapped => return Ok(Walk { due, complete: true }),
            None => (at, wrapped) = (String::new(), true),
            Some((customer, _)) if wrapped && !start.is_empty() && customer.as_str() > start => {
                return Ok(Walk { due, complete: true });
            }
            Some((customer, first_due)) => {
                if first_due <= ask.now.as_millisecond() {
                    due.push(parse_customer(&customer)?);
                }
                at = customer;
            }
        }
    }
    Ok(Walk { due, complete: false })
}

fn parse_customer(raw: &str) -> Result<CustomerNumber> {
    raw.parse().map_err(|error| Fault::broken(format!("customer {raw}: {error}")))
}

/// Takes tickets of one customer after another.
struct Taker<'a> {
    statements: Statements<'a>,
    ask: &'a ClaimAsk,
    until: Timestamp,
    range: Range,
    /// The books' generation, once a portal customer's ticket has asked for it.
    generation: Option<i64>,
}

/// A ticket as the claim finds it.
struct Found {
    id: TicketId,
    kind: OrderKind,
    order: Option<Order>,
    epoch: i64,
    attempts: u32,
    in_doubt: bool,
    raised: Timestamp,
    cli: Option<Msisdn>,
    accepted: Option<Acceptance>,
    report: Option<Report>,
    about: FoundAbout,
}

/// What it is about, as far as it is read with it.
enum FoundAbout {
    Service(Box<ServiceBooks>),
    Portal(PortalId),
}

impl Taker<'_> {
    fn take(&mut self, customer: &CustomerNumber, room: usize) -> Result<Vec<Lease>> {
        let found = self.find(customer, room)?;
        found.into_iter().map(|found| self.lease(found)).collect()
    }

    fn find(&mut self, customer: &CustomerNumber, room: usize) -> Result<Vec<Found>> {
        let ask = self.ask;
        let statement = self.statements.get(sql::TICKET_CLAIM_DUE)?;
        let mut rows = statement.query(params![
            ask.network.as_str(),
            customer.as_str(),
            ask.now.as_millisecond(),
            room
        ])?;
        let mut found = Vec::with_capacity(room);
        while let Some(row) = rows.next()? {
            found.extend(read(row, (&ask.network, customer))?);
        }
        Ok(found)
    }

    fn lease(&mut self, mut found: Found) -> Result<Lease> {
        let books = match found.about {
            FoundAbout::Service(mut books) => {
                if found.kind == OrderKind::Connect {
                    found.cli = self.number(&mut books, found.cli)?;
                }
                if let Some(Order::ChangeSim { new_sim }) = &found.order {
                    books.new_sim = find_sim(self.statements.connection(), new_sim)?;
                    books.keys = find_keys(self.statements.connection(), new_sim)?;
                }
                Books::Service(books)
            }
            FoundAbout::Portal(id) => Books::Portal(Box::new(PortalBooks {
                record: portal::record(self.statements.connection(), &id)?,
                new_secret: self.secret(found.id)?,
                raised: found.raised,
                generation: self.generation()?,
                id,
            })),
        };
        let epoch = found.epoch + 1;
        self.statements.get(sql::TICKET_CLAIM_TAKE)?.execute(params![
            found.id.number(),
            epoch,
            self.ask.worker.0.as_bytes().as_slice(),
            self.until.as_millisecond(),
            found.in_doubt,
            found.cli.as_ref().map(Msisdn::as_str),
        ])?;
        Ok(Lease {
            ticket: found.id,
            epoch,
            attempts_before: found.attempts,
            until: self.until,
            order: found.order,
            kind: found.kind,
            books,
            in_doubt: found.in_doubt,
            raised: found.raised,
            accepted: found.accepted,
            report: found.report,
        })
    }

    /// Gives a connect its number: the one that was reserved for it before, the SIM's own, or one of the range.
    /// Answers the one that is reserved.
    fn number(
        &mut self,
        books: &mut ServiceBooks,
        reserved: Option<Msisdn>,
    ) -> Result<Option<Msisdn>> {
        books.number = reserved.clone().or_else(|| books.sim.msisdn.clone());
        if books.number.is_some() {
            return Ok(reserved);
        }
        books.number = self.range.reserve(self.statements.connection(), self.ask.now)?;
        books.range_exhausted = books.number.is_none() && self.range.exists();
        Ok(books.number.clone())
    }

    fn generation(&mut self) -> Result<i64> {
        match self.generation {
            Some(generation) => Ok(generation),
            None => Ok(*self.generation.insert(portal::generation(self.statements.connection())?)),
        }
    }

    /// The password that a ticket brings.
    fn secret(&mut self, ticket: TicketId) -> Result<Option<PortalSecret>> {
        let statement = self.statements.get(sql::TICKET_CLAIM_SECRET)?;
        let mut rows = statement.query([ticket.number()])?;
        Ok(rows.next()?.map(|row| portal::secret_or_none(row, 0)).transpose()?.flatten())
    }
}

/// `None` for a kind of ticket that only a newer program knows: it is left to that one.
fn read(
    row: &Row<'_>,
    (network, customer): (&NetworkCode, &CustomerNumber),
) -> Result<Option<Found>> {
    let kind = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
    let Ok(kind) = kind.parse() else { return Ok(None) };
    let state: TicketState = row::text(row, 1)?;
    let order = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(Some(Found {
        id: row::ticket_id(row, 0)?,
        kind,
        // A newer program's order may not be readable; the engine gives it back.
        order: serde_json::from_str(order).ok(),
        epoch: row.get(4)?,
        attempts: row.get(5)?,
        // A running ticket is only found here when its lease ran out: who knows what was sent.
        in_doubt: row.get::<_, bool>(6)? || state == TicketState::Running,
        raised: row::moment(row, 7)?,
        cli: row::text_or_none(row, 8)?,
        accepted: row::json_or_none(row, ACCEPTED_AT)?,
        report: row::json_or_none(row, ACCEPTED_AT + 1)?,
        about: match row::text_or_none(row, SIM_AT - 1)? {
            Some(par_cust_id) => {
                FoundAbout::Portal(PortalId { tenant: tenant_of(customer)?, customer: par_cust_id })
            }
            None => FoundAbout::Service(Box::new(ServiceBooks {
                customer: customer.clone(),
                network: network.clone(),
                sim: row::sim(row, SIM_AT)?,
                service: row::service_or_none(row, SERVICE_AT)?,
                new_sim: None,
                keys: sealed_keys(row, KEYS_AT)?,
                number: None,
                range_exhausted: false,
            })),
        },
    }))
}

/// A portal customer's ticket carries its tenant's name as customer.
fn tenant_of(customer: &CustomerNumber) -> Result<TenantName> {
    let name = customer.as_str();
    name.parse().map_err(|error| Fault::broken(format!("tenant {name}: {error}")))
}

/// A SIM.
pub(in super::super) fn find_sim(
    connection: &Connection,
    iccid: &Iccid,
) -> Result<Option<SimRecord>> {
    let mut statement = connection.prepare_cached(sql::SIM_FIND)?;
    let mut rows = statement.query([iccid.as_str()])?;
    rows.next()?.map(|row| row::sim(row, 0)).transpose()
}

fn find_keys(connection: &Connection, iccid: &Iccid) -> Result<SealedKeys> {
    let mut statement = connection.prepare_cached(sql::TICKET_CLAIM_KEYS)?;
    let mut rows = statement.query([iccid.as_str()])?;
    Ok(rows.next()?.map(|row| sealed_keys(row, 0)).transpose()?.unwrap_or_default())
}

/// The keys of a SIM, either of which may be absent.
pub(in super::super) fn sealed_keys(row: &Row<'_>, at: usize) -> Result<SealedKeys> {
    let key = |at| Ok::<_, Fault>(row.get::<_, Option<String>>(at)?.map(SecretString::from));
    Ok(SealedKeys { ki: key(at)?, opc: key(at + 1)? })
}
