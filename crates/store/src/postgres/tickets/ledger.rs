//! Everything that a batch of settlements changes, gathered first and then written in one go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use provisor_domain::driver::Acceptance;
use provisor_domain::plan::{Change, NewService, ServiceChange};
use provisor_domain::store::{Settlement, Verdict};
use provisor_domain::ticket::{Failure, TicketEvent};
use provisor_domain::{
    ContractCode, Iccid, Msisdn, OrderKind, ReportingGroup, Service, ServiceCode, TicketState,
};

use super::super::fault::{Fault, Result};
use super::super::link::{Ask, params};
use super::super::work::Work;
use super::super::{LeaseClock, portal, row, sql};
use super::number::Resting;
use super::settle::Leased;
use super::settled::{AttemptRows, EndedRows, StayingRows};

/// What becomes of the ticket.
pub(super) struct After<'a> {
    event: TicketEvent,
    due: Option<Timestamp>,
    pub(super) counts: bool,
    pub(super) in_doubt: bool,
    pub(super) accepted: Option<Acceptance>,
    pub(super) failure: Option<&'a Failure>,
}

impl<'a> After<'a> {
    /// Of an attempt that does not count, and after which nothing is in doubt.
    fn of(event: TicketEvent, failure: Option<&'a Failure>) -> Self {
        Self { event, due: None, counts: false, in_doubt: false, accepted: None, failure }
    }
}

/// Everything that a batch changes.
pub(super) struct Ledger {
    now: Timestamp,
    clock: LeaseClock,
    codes: std::vec::IntoIter<ServiceCode>,
    ended: EndedRows,
    staying: StayingRows,
    attempts: AttemptRows,
    added: Vec<Service>,
    kept: Vec<Service>,
    moved: Vec<Service>,
    sims: BTreeMap<String, &'static str>,
    touched: Vec<String>,
    portals: Vec<Ask>,
    resting: Resting,
    /// Numbers that may be given again at once.
    given_back: Vec<String>,
    /// By how much the number of live services of a contract changes.
    contracts: BTreeMap<ContractCode, i64>,
    unlocked: (Vec<String>, Vec<i64>),
    forgotten: Vec<i64>,
    /// Portal customers' tickets that ended without effect.
    without_effect: Vec<i64>,
}

impl Ledger {
    /// An empty one. `codes`: one for each service that will be created.
    pub(super) fn new(now: Timestamp, clock: LeaseClock, codes: Vec<ServiceCode>) -> Self {
        Self {
            now,
            clock,
            codes: codes.into_iter(),
            ended: EndedRows::default(),
            staying: StayingRows::default(),
            attempts: AttemptRows::default(),
            added: Vec::new(),
            kept: Vec::new(),
            moved: Vec::new(),
            sims: BTreeMap::new(),
            touched: Vec::new(),
            portals: Vec::new(),
            resting: Resting::default(),
            given_back: Vec::new(),
            contracts: BTreeMap::new(),
            unlocked: (Vec::new(), Vec::new()),
            forgotten: Vec::new(),
            without_effect: Vec::new(),
        }
    }

    /// Notes what a settlement of this ticket changes.
    pub(super) fn settle(&mut self, one: &Settlement, mut ticket: Leased) -> Result<()> {
        let in_doubt = ticket.in_doubt;
        let after = match &one.verdict {
            Verdict::Completed(change) => {
                self.apply(&mut ticket, change)?;
                After::of(TicketEvent::Complete, None)
            }
            Verdict::Failed(failure) => {
                self.give_number_back(&mut ticket);
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
        // By the database's clock it is due so long from now, whatever the caller's clock says.
        let due = after.due.map(|due| match self.clock {
            LeaseClock::Caller => due.as_millisecond(),
            LeaseClock::Database => due.as_millisecond() - self.now.as_millisecond(),
        });
        self.attempts.add((one, self.now), state, after.failure);
        if state.is_final() {
            self.ended.add((one, self.now), state, &ticket, after.failure);
            let id = one.ticket.number();
            self.unlocked.1.extend(ticket.subjects.iter().map(|_| id));
            self.unlocked.0.extend(ticket.subjects);
            if ticket.portal.is_some() {
                self.forgotten.push(id);
                // What its mail system may have been told for it is older than whatever comes now.
                self.without_effect.extend((state == TicketState::Failed).then_some(id));
            }
        } else {
            self.staying.add(one, state, (&after, due))?;
        }
        Ok(())
    }

    /// A connect that will not happen gives back the number that was reserved for it.
    fn give_number_back(&mut self, ticket: &mut Leased) {
        if ticket.kind == OrderKind::Connect
            && ticket.of_range
            && let Some(number) = ticket.cli.take()
        {
            self.given_back.push(number.to_string());
        }
    }

    /// Changes the books, and notes in `ticket` which service and number it is about now.
    fn apply(&mut self, ticket: &mut Leased, change: &Change) -> Result<()> {
        match &change.service {
            None => {}
            Some(_) if ticket.portal.is_some() => {
                return Err(Fault::conflict("the ticket is about a portal customer"));
            }
            Some(ServiceChange::Create(new)) => {
                if ticket.service.is_some() {
                    return Err(Fault::conflict("the ticket has a service already"));
                }
                let code = self.codes.next().ok_or_else(|| Fault::broken("no code"))?;
                let service = with_code(new, code);
                *self.contracts.entry(service.contract.clone()).or_default() += 1;
                self.note_service(ticket, &service, change);
                self.added.push(service);
            }
            Some(ServiceChange::Update(service)) => {
                self.update_service(ticket, service)?;
                self.note_service(ticket, service, change);
            }
        }
        if let Some(change) = &change.portal {
            if ticket.portal.as_ref() != Some(&change.id) {
                return Err(Fault::conflict("the change is about another portal customer"));
            }
            self.portals.extend(portal::set(change));
        }
        for (iccid, state) in &change.sims {
            self.sims.insert(iccid.to_string(), state.as_str());
        }
        match &change.released {
            Some(number) => self.resting.rest(number, &ticket.network, self.now),
            None => Ok(()),
        }
    }

    fn update_service(&mut self, ticket: &Leased, service: &Service) -> Result<()> {
        let Some(before) = &ticket.before else {
            return Err(Fault::conflict("the ticket has no service"));
        };
        if ticket.service != Some(service.code) {
            return Err(Fault::conflict("the change is about another service"));
        }
        let moved = before.iccid != service.iccid || before.cli != service.cli;
        let rows = if moved { &mut self.moved } else { &mut self.kept };
        rows.push(service.clone());
        let more = i64::from(service.status.is_live()) - i64::from(before.status.is_live());
        *self.contracts.entry(service.contract.clone()).or_default() += more;
        Ok(())
    }

    /// The ticket is about this service now; its SIM has moved on, also where its own state has not.
    fn note_service(&mut self, ticket: &mut Leased, service: &Service, change: &Change) {
        ticket.service = Some(service.code);
        ticket.cli.clone_from(&service.cli);
        let moves = |iccid: &Iccid| change.sims.iter().any(|(moved, _)| moved == iccid);
        let other = ticket.iccid.as_ref().filter(|iccid| **iccid != service.iccid);
        let sims = [Some(&service.iccid), other].into_iter().flatten();
        self.touched.extend(sims.filter(|iccid| !moves(iccid)).map(Iccid::to_string));
    }

    /// Writes all of it, and checks that each change found its row.
    pub(super) async fn write(self, work: &mut Work) -> Result<()> {
        let mut asks = Vec::new();
        let mut counted = Vec::new();
        for (sql, services) in [
            (sql::TICKET_SETTLE_SERVICE_MOVED, &self.moved),
            (sql::TICKET_SETTLE_SERVICE_KEPT, &self.kept),
            (sql::SERVICE_ADD, &self.added),
        ] {
            if !services.is_empty() {
                let why = "a service never changes its network, contract or customer".to_owned();
                counted.push((asks.len(), services.len(), why));
                asks.push(write_services(sql, &services.iter().collect::<Vec<_>>())?);
            }
        }
        if !self.sims.is_empty() {
            let named = self.sims.keys().cloned().collect::<Vec<_>>().join(", ");
            counted.push((asks.len(), self.sims.len(), format!("SIM {named} is not known")));
            let (iccids, states): (Vec<_>, Vec<_>) = self.sims.into_iter().unzip();
            asks.push(Ask::new(sql::SIM_SET, params![iccids, states]));
        }
        if !self.touched.is_empty() {
            asks.push(Ask::new(sql::SIM_TOUCH, params![self.touched]));
        }
        asks.extend(self.portals);
        asks.extend(self.resting.asks());
        if !self.given_back.is_empty() {
            let now = vec![self.now.as_millisecond(); self.given_back.len()];
            asks.push(Ask::new(sql::TICKET_SETTLE_NUMBER_REST, params![self.given_back, now]));
        }
        asks.extend(self.ended.ask());
        asks.extend(self.staying.ask(self.clock, self.now));
        asks.extend(self.attempts.ask());
        if !self.unlocked.0.is_empty() {
            let (subjects, holders) = self.unlocked;
            asks.push(Ask::new(sql::TICKET_SETTLE_UNLOCK, params![subjects, holders]));
        }
        if !self.forgotten.is_empty() {
            asks.push(Ask::new(sql::TICKET_SETTLE_FORGET, params![self.forgotten]));
        }
        if !self.without_effect.is_empty() {
            asks.push(Ask::new(sql::PORTAL_TOUCH, params![self.without_effect]));
        }
        asks.extend(count_services(&self.contracts));
        let answers = work.go(&asks).await?;
        for (at, wanted, why) in counted {
            if answers[at].changed != wanted as u64 {
                return Err(Fault::conflict(why));
            }
        }
        Ok(())
    }
}

/// What adds to contracts' counters of live services, in one order for everybody.
pub(in super::super) fn count_services(changes: &BTreeMap<ContractCode, i64>) -> Option<Ask> {
    let changed = changes.iter().filter(|(_, by)| **by != 0);
    let (codes, more): (Vec<String>, Vec<i64>) =
        changed.map(|(contract, by)| (contract.to_string(), *by)).unzip();
    (!codes.is_empty()).then(|| Ask::new(sql::CONTRACT_COUNT, params![codes, more]))
}

/// What writes new rows of services.
pub(in super::super) fn add_services(services: &[&Service]) -> Result<Ask> {
    write_services(sql::SERVICE_ADD, services)
}

fn write_services(sql: &'static str, services: &[&Service]) -> Result<Ask> {
    fn all<T>(services: &[&Service], of: impl Fn(&Service) -> T) -> Vec<T> {
        services.iter().map(|service| of(service)).collect()
    }
    let json = |of: fn(&Service) -> Result<String>| -> Result<Vec<String>> {
        services.iter().map(|service| of(service)).collect()
    };
    let mut rows = params![
        all(services, |one| one.code.number()),
        all(services, |one| one.name.to_string()),
        all(services, |one| one.status.as_str()),
        all(services, |one| one.cli.as_ref().map(Msisdn::to_string)),
        all(services, |one| one.iccid.to_string()),
        all(services, |one| one.network.to_string()),
        all(services, |one| one.contract.to_string()),
        all(services, |one| one.customer.to_string()),
        all(services, |one| one.tariff.to_string()),
        all(services, |one| one.group.as_ref().map(ReportingGroup::to_string)),
    ];
    rows.extend(params![
        json(|one| row::to_json(&one.products.apns))?,
        json(|one| row::to_json(&one.products.boltons))?,
        json(|one| row::to_json(&one.products.bars))?,
    ]);
    Ok(Ask::new(sql, rows))
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
