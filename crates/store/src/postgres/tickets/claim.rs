//! Claiming tickets, fairly between customers.
//!
//! The claim walks the customers that have claimable tickets, one step of the index each, beginning after the one who
//! was served last. Each gets an equal share; what is left over goes round by round to those who have more. What another
//! worker is taking at this moment is passed by.
//!
//! Invariants:
//! - While a restored database is adopted nothing is claimed, and no claim is under way when an adoption has begun: a claim
//!   may wait for long between finding a ticket and taking it.
//! - The cost of a claim does not depend on how many tickets wait or are finished. It grows with the customers that have open
//!   tickets but none that is due: they are stepped over, at most [`CUSTOMERS_STEPPED_OVER`] of them once something was found.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::driver::{Acceptance, Report};
use provisor_domain::plan::{Books, PortalBooks, ServiceBooks};
use provisor_domain::portal::{PortalId, PortalSecret};
use provisor_domain::store::{ClaimAsk, Claimed, Lease};
use provisor_domain::{
    CustomerNumber, Iccid, Msisdn, NetworkCode, Order, OrderKind, SealedKeys, SimRecord,
    TenantName, TicketId, TicketState,
};
use secrecy::SecretString;
use tokio_postgres::Row;

use super::super::fault::{Fault, Result};
use super::super::link::{Answer, Ask, params};
use super::super::work::Work;
use super::super::{LeaseClock, portal, row, sql};
use super::number;

/// Most customers that one claim serves.
const CUSTOMERS_PER_CLAIM_MAX: usize = 64;
/// Most customers that a claim looks at once it has found one to serve.
const CUSTOMERS_STEPPED_OVER: usize = 1_024;
/// Where the columns of the SIM begin, those of the service, those of the SIM's keys, the customer, and what was accepted and
/// reported.
const SIM_AT: usize = 10;
const SERVICE_AT: usize = SIM_AT + row::SIM_COLUMNS;
const KEYS_AT: usize = SERVICE_AT + row::SERVICE_COLUMNS;
const CUSTOMER_AT: usize = KEYS_AT + 2;
const ACCEPTED_AT: usize = CUSTOMER_AT + 1;
/// Of a walk, after all of that: how many the customer has room for, the steps of the longest lap, and what time it is.
const WALK_AT: usize = ACCEPTED_AT + 2;

pub(super) async fn claim(mut work: Work, ask: &ClaimAsk, clock: LeaseClock) -> Result<Claimed> {
    let lease = SignedDuration::try_from(ask.lease)
        .map_err(|error| Fault::broken(format!("the lease does not end: {error}")))?;
    let until = ask.now.checked_add(lease);
    let until = until.map_err(|error| Fault::broken(format!("the lease does not end: {error}")))?;
    let walk = walk(&mut work, ask, clock).await?;
    let last = walk.last.clone().or(ask.after.clone());
    let mut claimed = Claimed { leases: Vec::new(), last, more: !walk.complete };
    let now = walk.now;
    let (found, hungry) = find(&mut work, ask, walk).await?;
    claimed.more |= hungry;
    if found.is_empty() {
        return Ok(claimed);
    }
    let found = numbered(&mut work, ask, found).await?;
    // Its end by the caller's clock: the database counts from a later moment than the caller's `now`.
    let ends = now.saturating_add(until.as_millisecond() - ask.now.as_millisecond());
    let taking = take(&found, ask, ends);
    // Before the commit: what cannot be read is nobody's, and not taken for sent when a lease ends.
    claimed.leases = leases(&mut work, found, until).await?;
    work.commit_with(&[taking]).await?;
    Ok(claimed)
}

/// What the walk found.
struct Walk {
    /// The tickets of each customer's share.
    found: Vec<Found>,
    /// Their numbers, and those of tickets that only a newer program knows.
    seen: Vec<i64>,
    /// Customers who may have more than their share.
    hungry: Vec<CustomerNumber>,
    /// The last one who is served.
    last: Option<CustomerNumber>,
    /// True when every customer with claimable tickets was looked at.
    complete: bool,
    /// What time it is.
    now: i64,
}

/// Walks once round the customers, beginning after the one who was served last, and finds and locks the share of each who has
/// something that is due.
async fn walk(work: &mut Work, ask: &ClaimAsk, clock: LeaseClock) -> Result<Walk> {
    let start = ask.after.as_ref().map_or("", CustomerNumber::as_str);
    let most = ask.take.min(CUSTOMERS_PER_CLAIM_MAX);
    let now = match clock {
        LeaseClock::Caller => Some(ask.now.as_millisecond()),
        LeaseClock::Database => None,
    };
    let network = ask.network.to_string();
    let (found, left) = (row::number(most), row::number(CUSTOMERS_STEPPED_OVER));
    let asked = params![network, start.to_owned(), now, found, left, row::number(ask.take)];
    let asks =
        [Ask::new(sql::TICKET_CLAIM_ADOPTING, vec![]), Ask::new(sql::TICKET_CLAIM_WALK, asked)];
    let answers = work.go(&asks).await?;
    let rows = answers.get(1).map_or(&[][..], |answer| &answer.rows);
    let first = rows.first().ok_or_else(|| Fault::broken("a walk without an answer"))?;
    let steps: Option<i64> = row::get(first, WALK_AT + 1)?;
    let mut walk = Walk {
        found: Vec::new(),
        seen: Vec::new(),
        hungry: Vec::new(),
        last: None,
        complete: steps.is_none_or(|steps| steps < left),
        now: row::get(first, WALK_AT + 2)?,
    };
    let mut served = 0;
    for of_customer in rows.chunk_by(|one, next| customer(one).ok() == customer(next).ok()) {
        let Some(room) = row::get::<Option<i64>>(&of_customer[0], WALK_AT)? else { continue };
        served += 1;
        walk.last = Some(row::text(&of_customer[0], CUSTOMER_AT)?);
        if row::number(take_up(of_customer, ask, &mut walk.found, &mut walk.seen)?) == room {
            walk.hungry.extend(walk.last.clone());
        }
    }
    walk.complete &= served < most;
    Ok(walk)
}

fn customer(row: &Row) -> Result<&str> {
    row::get(row, CUSTOMER_AT)
}

/// Takes up the tickets of these rows; how many they are. A customer of whom none is there has a row without one.
fn take_up(
    rows: &[Row],
    ask: &ClaimAsk,
    found: &mut Vec<Found>,
    seen: &mut Vec<i64>,
) -> Result<usize> {
    let before = seen.len();
    for row in rows {
        let Some(id) = row::get::<Option<i64>>(row, 0)? else { continue };
        seen.push(id);
        found.extend(read(row, &ask.network)?);
    }
    Ok(seen.len() - before)
}

/// Gives what is left to those who have more, round by round; also answers whether there may be more.
async fn find(work: &mut Work, ask: &ClaimAsk, walk: Walk) -> Result<(Vec<Found>, bool)> {
    let Walk { mut found, mut seen, mut hungry, now, .. } = walk;
    while found.len() < ask.take && !hungry.is_empty() {
        let left = ask.take - found.len();
        let rooms: Vec<i64> = shares(left, hungry.len());
        let names: Vec<String> = hungry.iter().map(ToString::to_string).collect();
        let asked = params![ask.network.to_string(), names, rooms.clone(), now, seen.clone()];
        let answer = work.one(sql::TICKET_CLAIM_DUE, asked).await?;
        let mut got = HashMap::<&str, i64>::new();
        for row in &answer.rows {
            *got.entry(customer(row)?).or_default() += 1;
        }
        take_up(&answer.rows, ask, &mut found, &mut seen)?;
        let all = hungry.into_iter().zip(rooms);
        let full = |(customer, room): &(CustomerNumber, i64)| {
            got.get(customer.as_str()).copied().unwrap_or(0) == *room
        };
        hungry = all.filter(full).map(|(customer, _)| customer).collect();
    }
    Ok((found, !hungry.is_empty()))
}

/// Equal shares of `all`; the first ones get what does not divide.
fn shares(all: usize, among: usize) -> Vec<i64> {
    (0..among).map(|at| row::number(all / among + usize::from(at < all % among))).collect()
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

impl Found {
    fn leased(self, until: Timestamp, books: Books) -> Lease {
        Lease {
            ticket: self.id,
            epoch: self.epoch + 1,
            attempts_before: self.attempts,
            until,
            order: self.order,
            kind: self.kind,
            books,
            in_doubt: self.in_doubt,
            raised: self.raised,
            accepted: self.accepted,
            report: self.report,
        }
    }
}

/// `None` for a kind of ticket that only a newer program knows: it is left to that one.
fn read(row: &Row, network: &NetworkCode) -> Result<Option<Found>> {
    let Ok(kind) = row::get::<&str>(row, 2)?.parse() else { return Ok(None) };
    let state: TicketState = row::text(row, 1)?;
    let customer: CustomerNumber = row::text(row, CUSTOMER_AT)?;
    Ok(Some(Found {
        id: row::ticket_id(row, 0)?,
        kind,
        // A newer program's order may not be readable; the engine gives it back.
        order: serde_json::from_str(row::get(row, 3)?).ok(),
        epoch: row::get(row, 4)?,
        attempts: row::count(row, 5)?,
        // A running ticket is only found here when its lease ran out: who knows what was sent.
        in_doubt: row::get::<bool>(row, 6)? || state == TicketState::Running,
        raised: row::moment(row, 7)?,
        cli: row::text_or_none(row, 8)?,
        accepted: row::json_or_none(row, ACCEPTED_AT)?,
        report: row::json_or_none(row, ACCEPTED_AT + 1)?,
        about: match row::text_or_none(row, SIM_AT - 1)? {
            Some(par_cust_id) => FoundAbout::Portal(PortalId {
                tenant: tenant_of(&customer)?,
                customer: par_cust_id,
            }),
            None => FoundAbout::Service(Box::new(ServiceBooks {
                customer,
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

/// Gives each connect its number: the one that was reserved for it before, the SIM's own, or one of the range.
async fn numbered(work: &mut Work, ask: &ClaimAsk, mut found: Vec<Found>) -> Result<Vec<Found>> {
    let mut without = Vec::new();
    for (at, one) in found.iter_mut().enumerate() {
        let FoundAbout::Service(books) = &mut one.about else { continue };
        if one.kind == OrderKind::Connect {
            books.number = one.cli.clone().or_else(|| books.sim.msisdn.clone());
            without.extend(books.number.is_none().then_some(at));
        }
    }
    if without.is_empty() {
        return Ok(found);
    }
    // When a number is free again is told by those who sent it to rest: by the callers' clocks.
    let now = ask.now.as_millisecond();
    let reserved = number::reserve(work, &ask.network, without.len(), now).await?;
    let mut numbers = reserved.numbers.into_iter();
    for at in without {
        let one = &mut found[at];
        let FoundAbout::Service(books) = &mut one.about else { continue };
        books.number = numbers.next();
        books.range_exhausted = books.number.is_none() && reserved.exists;
        one.cli.clone_from(&books.number);
    }
    Ok(found)
}

/// The SIM that an order moves to.
fn new_sim(found: &Found) -> Option<&Iccid> {
    match &found.order {
        Some(Order::ChangeSim { new_sim }) => Some(new_sim),
        _ => None,
    }
}

/// Reads the books that are not read with the ticket: SIMs to move to, portal customers. Most tickets need neither.
async fn leases(work: &mut Work, found: Vec<Found>, until: Timestamp) -> Result<Vec<Lease>> {
    let iccids: Vec<String> = found.iter().filter_map(new_sim).map(Iccid::to_string).collect();
    let (mut portal, mut records) = (Vec::new(), Vec::new());
    for one in &found {
        if let FoundAbout::Portal(id) = &one.about {
            portal.push(one.id.number());
            records.extend(portal::record(id));
        }
    }
    let (moves, portals) = (!iccids.is_empty(), !portal.is_empty());
    let mut asks = Vec::new();
    if moves {
        asks.push(Ask::new(sql::SIM_FIND, params![iccids.clone()]));
        asks.push(Ask::new(sql::TICKET_CLAIM_KEYS, params![iccids]));
    }
    if portals {
        asks.push(portal::generation());
        asks.push(Ask::new(sql::TICKET_CLAIM_SECRET, params![portal]));
        asks.append(&mut records);
    }
    let mut answers = work.go(&asks).await?.into_iter();
    let sims = if moves { read_sims(answers.by_ref().take(2))? } else { HashMap::new() };
    let (mut generation, mut secrets) = (0, HashMap::new());
    if portals {
        let own: Vec<_> = answers.by_ref().take(2).collect();
        generation = portal::read_generation(&own, 0)?;
        secrets = read_secrets(&own[1])?;
    }
    let mut leases = Vec::with_capacity(found.len());
    for mut one in found {
        let to = new_sim(&one).and_then(|iccid| sims.get(iccid).cloned());
        let books = match &mut one.about {
            FoundAbout::Service(books) => {
                if let Some((sim, sealed)) = to {
                    (books.new_sim, books.keys) = (Some(sim), sealed);
                }
                Books::Service(books.clone())
            }
            FoundAbout::Portal(id) => {
                let own: Vec<_> = answers.by_ref().take(portal::RECORD_ASKS).collect();
                Books::Portal(Box::new(PortalBooks {
                    record: portal::read_record(&own)?,
                    new_secret: secrets.remove(&one.id).flatten(),
                    raised: one.raised,
                    generation,
                    id: id.clone(),
                }))
            }
        };
        leases.push(one.leased(until, books));
    }
    Ok(leases)
}

/// SIMs with their keys: the SIMs, then the keys.
fn read_sims(
    answers: impl Iterator<Item = Answer>,
) -> Result<HashMap<Iccid, (SimRecord, SealedKeys)>> {
    let mut sims = HashMap::<Iccid, (SimRecord, SealedKeys)>::new();
    for (answer, is_keys) in answers.zip([false, true]) {
        for row in &answer.rows {
            if !is_keys {
                let sim = row::sim(row, 0)?;
                sims.insert(sim.iccid.clone(), (sim, SealedKeys::default()));
            } else if let Some((_, sealed)) = sims.get_mut(&row::text(row, 0)?) {
                *sealed = sealed_keys(row, 1)?;
            }
        }
    }
    Ok(sims)
}

/// The passwords that orders of portal customers bring.
fn read_secrets(answer: &Answer) -> Result<HashMap<TicketId, Option<PortalSecret>>> {
    let read = |row| Ok((row::ticket_id(row, 0)?, portal::secret_or_none(row, 1)?));
    answer.rows.iter().map(read).collect()
}

/// The keys of a SIM, either of which may be absent.
pub(in super::super) fn sealed_keys(row: &Row, at: usize) -> Result<SealedKeys> {
    let key = |at| Ok::<_, Fault>(row::get::<Option<String>>(row, at)?.map(SecretString::from));
    Ok(SealedKeys { ki: key(at)?, opc: key(at + 1)? })
}

/// What makes the tickets the worker's until `ends`.
fn take(found: &[Found], ask: &ClaimAsk, ends: i64) -> Ask {
    let ids: Vec<i64> = found.iter().map(|found| found.id.number()).collect();
    let in_doubt: Vec<bool> = found.iter().map(|found| found.in_doubt).collect();
    let clis: Vec<Option<String>> =
        found.iter().map(|found| found.cli.as_ref().map(Msisdn::to_string)).collect();
    let worker = ask.worker.0.as_bytes().to_vec();
    Ask::new(sql::TICKET_CLAIM_TAKE, params![ids, worker, ends, in_doubt, clis])
}
