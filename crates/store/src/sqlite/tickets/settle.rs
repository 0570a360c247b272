//! Settling attempts.
//!
//! The whole batch goes in one transaction. Almost always nothing is in its way; when a constraint is, the batch is run
//! again with a savepoint around each settlement, so that only the one that does not fit is refused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use provisor_domain::driver::Acceptance;
use provisor_domain::plan::{Change, NewService, ServiceChange};
use provisor_domain::store::{Settled, Settlement, Verdict};
use provisor_domain::ticket::{Failure, TicketEvent};
use provisor_domain::{
    ContractCode, Iccid, Msisdn, NetworkCode, OrderKind, PortalId, ReportingGroup, Service,
    ServiceCode, ServiceStatus, SimState, TicketId, TicketState,
};
use rusqlite::{Connection, params};

use super::super::fault::{Fault, Result};
use super::super::statements::Statements;
use super::super::{portal, row, sql};
use super::number;

/// Settlements that are written together.
pub(super) struct Batch {
    settlements: Vec<Settlement>,
    now: Timestamp,
    /// Set once a constraint was in the way: from then on each settlement has a savepoint of its own.
    careful: bool,
}

impl Batch {
    pub(super) fn new(settlements: Vec<Settlement>, now: Timestamp) -> Self {
        Self { settlements, now, careful: false }
    }

    /// Settles all of them; may ask to be run again by itself.
    pub(super) fn settle(&mut self, connection: &Connection) -> Result<Vec<Settled>> {
        if self.careful {
            let each = self.settlements.iter();
            return each.map(|one| settle_apart(connection, one, self.now)).collect();
        }
        let mut ledger = Ledger::of(connection);
        let all = self.settlements.iter();
        let settled: Result<Vec<_>> = all.map(|one| settle(&mut ledger, one, self.now)).collect();
        match settled.and_then(|settled| ledger.finish().map(|()| settled)) {
            Err(fault) if fault.refusal().is_some() => {
                self.careful = true;
                Err(Fault::Again)
            }
            other => other,
        }
    }
}

/// Settles one in its own savepoint: it is written whole, or refused.
fn settle_apart(connection: &Connection, one: &Settlement, now: Timestamp) -> Result<Settled> {
    let control = |sql| -> Result<()> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    control("SAVEPOINT settlement")?;
    let mut ledger = Ledger::of(connection);
    let settled =
        settle(&mut ledger, one, now).and_then(|settled| ledger.finish().map(|()| settled));
    let settled = match settled {
        Ok(settled) => settled,
        Err(fault) => {
            let reason = fault.refusal().ok_or(fault)?;
            control("ROLLBACK TO settlement")?;
            Settled::Refused(reason)
        }
    };
    control("RELEASE settlement")?;
    Ok(settled)
}

/// What a batch of settlements keeps in its head.
struct Ledger<'c> {
    statements: Statements<'c>,
    /// By how much the number of live services of a contract changes.
    contracts: BTreeMap<ContractCode, i64>,
    next_service: Option<ServiceCode>,
}

impl<'c> Ledger<'c> {
    fn of(connection: &'c Connection) -> Self {
        let statements = Statements::of(connection);
        Self { statements, contracts: BTreeMap::new(), next_service: None }
    }

    fn next_service(&mut self) -> Result<ServiceCode> {
        let code = match self.next_service {
            Some(code) => Some(code),
            None => ServiceCode::new(
                self.statements
                    .get(sql::TICKET_SETTLE_NEXT_SERVICE)?
                    .query_row([ServiceCode::FIRST.number()], |row| row.get(0))?,
            ),
        };
        let code = code.ok_or_else(|| Fault::broken("no code for a service"))?;
        self.next_service = ServiceCode::new(code.number() + 1);
        Ok(code)
    }

    fn count(&mut self, contract: &ContractCode, by: i64) {
        *self.contracts.entry(contract.clone()).or_default() += by;
    }

    fn finish(self) -> Result<()> {
        count_services(self.statements.connection(), &self.contracts)
    }
}

/// Adds to contracts' counters of live services.
pub(in super::super) fn count_services(
    connection: &Connection,
    changes: &BTreeMap<ContractCode, i64>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::CONTRACT_COUNT)?;
    for (contract, by) in changes.iter().filter(|(_, by)| **by != 0) {
        statement.execute(params![contract.as_str(), by])?;
    }
    Ok(())
}

/// Gives a ticket's subjects back.
pub(super) fn unlock(
    statements: &mut Statements<'_>,
    ticket: TicketId,
    subjects: &[String],
) -> Result<()> {
    let unlock = statements.get(sql::TICKET_SETTLE_UNLOCK)?;
    for subject in subjects {
        unlock.execute(params![subject, ticket.number()])?;
    }
    Ok(())
}

/// Forgets the password that a ticket brought. To be called with [`unlock`], when the ticket ends.
pub(super) fn forget_secret(statements: &mut Statements<'_>, ticket: TicketId) -> Result<()> {
    statements.get(sql::TICKET_SETTLE_FORGET)?.execute([ticket.number()])?;
    Ok(())
}

/// The portal customer of a ticket that ended without effect moves on: what its mail system may have been told for the
/// ticket is older than whatever comes now.
pub(super) fn touch_customer(statements: &mut Statements<'_>, ticket: TicketId) -> Result<()> {
    statements.get(sql::PORTAL_TOUCH)?.execute([ticket.number()])?;
    Ok(())
}

/// The ticket under the lease that is being settled.
struct Leased {
    kind: OrderKind,
    iccid: Option<Iccid>,
    portal: Option<PortalId>,
    network: NetworkCode,
    cli: Option<Msisdn>,
    in_doubt: bool,
    service: Option<ServiceCode>,
    subjects: Vec<String>,
    /// Its service as it was.
    before: Option<Before>,
}

/// What of a service decides how it is written.
struct Before {
    status: ServiceStatus,
    iccid: Iccid,
    cli: Option<Msisdn>,
}

fn leased(statements: &mut Statements<'_>, one: &Settlement) -> Result<Option<Leased>> {
    let statement = statements.get(sql::TICKET_SETTLE_LEASE)?;
    let mut rows = statement.query(params![one.ticket.number(), one.epoch])?;
    let Some(found) = rows.next()? else { return Ok(None) };
    let portal = match row::text_or_none(found, 8)? {
        Some(customer) => Some(PortalId { tenant: row::text(found, 7)?, customer }),
        None => None,
    };
    let before = match row::text_or_none(found, 9)? {
        Some(status) => Some(Before {
            status,
            iccid: row::text(found, 10)?,
            cli: row::text_or_none(found, 11)?,
        }),
        None => None,
    };
    Ok(Some(Leased {
        kind: row::text(found, 0)?,
        iccid: row::text_or_none(found, 1)?,
        portal,
        network: row::text(found, 2)?,
        cli: row::text_or_none(found, 3)?,
        in_doubt: found.get(4)?,
        service: row::service_code_or_none(found, 5)?,
        subjects: row::json(found, 6)?,
        before,
    }))
}

/// What the ticket's row becomes.
struct After<'a> {
    event: TicketEvent,
    due: Option<Timestamp>,
    counts: bool,
    in_doubt: bool,
    accepted: Option<Acceptance>,
    failure: Option<&'a Failure>,
}

impl<'a> After<'a> {
    /// Of an attempt that does not count, and after which nothing is in doubt.
    fn of(event: TicketEvent, failure: Option<&'a Failure>) -> Self {
        Self { event, due: None, counts: false, in_doubt: false, accepted: None, failure }
    }
}

fn settle(ledger: &mut Ledger<'_>, one: &Settlement, now: Timestamp) -> Result<Settled> {
    let Some(mut ticket) = leased(&mut ledger.statements, one)? else {
        return Ok(Settled::LeaseLost);
    };
    let in_doubt = ticket.in_doubt;
    let after = match &one.verdict {
        Verdict::Completed(change) => {
            apply(ledger, &mut ticket, change, now)?;
            After::of(TicketEvent::Complete, None)
        }
        Verdict::Failed(failure) => {
            give_number_back(ledger.statements.connection(), &mut ticket, now)?;
            After { counts: true, in_doubt, ..After::of(TicketEvent::Fail, Some(failure)) }
        }
        Verdict::Accepted { accepted, due, failure } => After {
            due: Some(*due),
            in_doubt: true,
            accepted: Some(*accepted),
            ..After::of(TicketEvent::Postpone, Some(failure))
        },
        Verdict::Postponed { due, failure, counts, in_doubt } => After {
            due: Some(*due),
            counts: *counts,
            in_doubt: *in_doubt,
            ..After::of(TicketEvent::Postpone, Some(failure))
        },
        Verdict::Unknown(failure) => {
            let after = After::of(TicketEvent::LoseTrack, Some(failure));
            After { counts: true, in_doubt: true, ..after }
        }
    };
    let state = TicketState::Running
        .after(after.event)
        .map_err(|illegal| Fault::broken(illegal.to_string()))?;
    write_ticket(&mut ledger.statements, (one, now), state, &ticket, &after)?;
    if state.is_final() {
        unlock(&mut ledger.statements, one.ticket, &ticket.subjects)?;
        if ticket.portal.is_some() {
            forget_secret(&mut ledger.statements, one.ticket)?;
            if state == TicketState::Failed {
                touch_customer(&mut ledger.statements, one.ticket)?;
            }
        }
    }
    Ok(Settled::Done)
}

fn write_ticket(
    statements: &mut Statements<'_>,
    (one, now): (&Settlement, Timestamp),
    state: TicketState,
    ticket: &Leased,
    after: &After<'_>,
) -> Result<()> {
    let (kind, reason) = after.failure.map(|f| (f.kind.as_str(), f.reason.as_str())).unzip();
    statements.get(sql::TICKET_SETTLE_TICKET)?.execute(params![
        one.ticket.number(),
        state.as_str(),
        state.is_final().then(|| now.as_millisecond()),
        after.due.map(Timestamp::as_millisecond),
        ticket.service.map(ServiceCode::number),
        ticket.cli.as_ref().map(Msisdn::as_str),
        after.counts,
        after.in_doubt,
        kind,
        reason,
        after.accepted.as_ref().map(row::to_json).transpose()?,
        now.as_millisecond(),
    ])?;
    statements.get(sql::TICKET_SETTLE_ATTEMPT)?.execute(params![
        one.ticket.number(),
        one.epoch,
        one.began.as_millisecond(),
        now.as_millisecond(),
        state.as_str(),
        kind,
        reason,
    ])?;
    Ok(())
}

/// A connect that will not happen gives back the number that was reserved for it.
fn give_number_back(connection: &Connection, ticket: &mut Leased, now: Timestamp) -> Result<()> {
    if ticket.kind == OrderKind::Connect
        && let Some(number) = &ticket.cli
        && number::give_back(connection, number, now)?
    {
        ticket.cli = None;
    }
    Ok(())
}

/// Changes the books, and notes in `ticket` which service and number it is about now.
fn apply(
    ledger: &mut Ledger<'_>,
    ticket: &mut Leased,
    change: &Change,
    now: Timestamp,
) -> Result<()> {
    match &change.service {
        None => {}
        Some(ServiceChange::Create(new)) => {
            if ticket.service.is_some() {
                return Err(Fault::conflict("the ticket has a service already"));
            }
            let service = with_code(new, ledger.next_service()?);
            write_service(&mut ledger.statements, sql::SERVICE_ADD, &service)?;
            ledger.count(&service.contract, 1);
            note_service(&mut ledger.statements, ticket, &service, change)?;
        }
        Some(ServiceChange::Update(service)) => {
            update_service(ledger, ticket, service)?;
            note_service(&mut ledger.statements, ticket, service, change)?;
        }
    }
    if let Some(change) = &change.portal {
        if ticket.portal.as_ref() != Some(&change.id) {
            return Err(Fault::conflict("the change is about another portal customer"));
        }
        portal::set(&mut ledger.statements, change)?;
    }
    for (iccid, state) in &change.sims {
        set_sim(&mut ledger.statements, iccid, *state)?;
    }
    match &change.released {
        Some(number) => number::rest(ledger.statements.connection(), number, &ticket.network, now),
        None => Ok(()),
    }
}

fn update_service(ledger: &mut Ledger<'_>, ticket: &Leased, service: &Service) -> Result<()> {
    let Some(before) = &ticket.before else {
        return Err(Fault::conflict("the ticket has no service"));
    };
    if ticket.service != Some(service.code) {
        return Err(Fault::conflict("the change is about another service"));
    }
    let moved = before.iccid != service.iccid || before.cli != service.cli;
    let sql =
        if moved { sql::TICKET_SETTLE_SERVICE_MOVED } else { sql::TICKET_SETTLE_SERVICE_KEPT };
    if write_service(&mut ledger.statements, sql, service)? == 0 {
        let reason = "a service never changes its network, contract or customer";
        return Err(Fault::conflict(reason));
    }
    let more = i64::from(service.status.is_live()) - i64::from(before.status.is_live());
    ledger.count(&service.contract, more);
    Ok(())
}

/// The ticket is about this service now; its SIM has moved on, also where its own state has not.
fn note_service(
    statements: &mut Statements<'_>,
    ticket: &mut Leased,
    service: &Service,
    change: &Change,
) -> Result<()> {
    ticket.service = Some(service.code);
    ticket.cli.clone_from(&service.cli);
    let moves = |iccid: &Iccid| change.sims.iter().any(|(moved, _)| moved == iccid);
    let other = ticket.iccid.as_ref().filter(|iccid| **iccid != service.iccid);
    for iccid in [Some(&service.iccid), other].into_iter().flatten() {
        if !moves(iccid) {
            statements.get(sql::SIM_TOUCH)?.execute([iccid.as_str()])?;
        }
    }
    Ok(())
}

fn set_sim(statements: &mut Statements<'_>, iccid: &Iccid, state: SimState) -> Result<()> {
    let known = statements.get(sql::SIM_SET)?.execute(params![iccid.as_str(), state.as_str()])?;
    if known == 0 { Err(Fault::conflict(format!("SIM {iccid} is not known"))) } else { Ok(()) }
}

fn with_code(new: &NewService, code: ServiceCode) -> Service {
    Service {
        code,
        name: new.name.clone(),
        status: new.products.live_status(),
        cli: new.cli.clone(),
        iccid: new.iccid.clone(),
        network: new.network.clone(),
        contract: new.contract.clone(),
        customer: new.customer.clone(),
        tariff: new.tariff.clone(),
        group: new.group.clone(),
        products: new.products.clone(),
    }
}

/// Writes a new row of a service.
pub(in super::super) fn add_service(connection: &Connection, service: &Service) -> Result<()> {
    write_service(&mut Statements::of(connection), sql::SERVICE_ADD, service).map(drop)
}

fn write_service(
    statements: &mut Statements<'_>,
    sql: &'static str,
    service: &Service,
) -> Result<usize> {
    let written = statements.get(sql)?.execute(params![
        service.code.number(),
        service.name.as_str(),
        service.status.as_str(),
        service.cli.as_ref().map(Msisdn::as_str),
        service.iccid.as_str(),
        service.network.as_str(),
        service.contract.as_str(),
        service.customer.as_str(),
        service.tariff.as_str(),
        service.group.as_ref().map(ReportingGroup::as_str),
        row::to_json(&service.products.apns)?,
        row::to_json(&service.products.boltons)?,
        row::to_json(&service.products.bars)?,
    ])?;
    Ok(written)
}
