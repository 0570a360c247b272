//! Settling attempts, a whole batch in a few statements.
//!
//! First the leases are read and locked, then everything that changes is gathered in a [`Ledger`], then that is written in
//! one go. Almost always nothing is in its way; when a constraint is, the transaction is rolled back and the batch settled
//! again one by one with a savepoint each, so that only the one that does not fit is refused.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use provisor_domain::plan::{Change, NewService, ServiceChange};
use provisor_domain::store::{Settled, Settlement, Verdict};
use provisor_domain::ticket::{Failure, TicketEvent};
use provisor_domain::{
    ContractCode, Iccid, Msisdn, NetworkCode, OrderKind, PortalId, ReportingGroup, Service,
    ServiceCode, ServiceStatus, TicketId, TicketState,
};
use tokio_postgres::Row;

use super::super::fault::{Fault, Result};
use super::super::link::{Ask, params};
use super::super::work::Work;
use super::super::{LeaseClock, PostgresStore, portal, row, sql};
use super::number::Resting;

impl PostgresStore {
    /// Settles all of them in one transaction.
    pub(super) async fn settle(
        &self,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<Vec<Settled>> {
        let mut codes = Codes { store: self, taken: Vec::new() };
        let settled = self.settle_at_once(&mut codes, settlements, now).await;
        let settled = match settled {
            Err(fault) if fault.refusal().is_some() => {
                codes.give_back();
                self.settle_apart(&mut codes, settlements, now).await
            }
            other => other,
        };
        if settled.as_ref().is_err_and(|fault| !matches!(fault, Fault::Unknown(_))) {
            codes.give_back();
        }
        settled
    }

    async fn settle_at_once(
        &self,
        codes: &mut Codes<'_>,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<Vec<Settled>> {
        let mut work = self.work().await?;
        let settled = settle(&mut work, codes, settlements, now).await?;
        work.commit().await?;
        Ok(settled)
    }

    /// Settles each in its own savepoint: it is written whole, or refused.
    async fn settle_apart(
        &self,
        codes: &mut Codes<'_>,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<Vec<Settled>> {
        let mut work = self.work().await?;
        // All of them are locked at first, in order: others who settle some of them wait here and not crosswise.
        work.go(&[lease(settlements)]).await?;
        let mut all = Vec::with_capacity(settlements.len());
        for one in settlements {
            let taken = codes.taken.len();
            work.control("SAVEPOINT settlement").await?;
            let settled = settle(&mut work, codes, std::slice::from_ref(one), now).await;
            let settled = match settled {
                Ok(settled) => settled,
                Err(fault) => {
                    let reason = fault.refusal().ok_or(fault)?;
                    work.control("ROLLBACK TO settlement").await?;
                    codes.give_back_from(taken);
                    vec![Settled::Refused(reason)]
                }
            };
            work.control("RELEASE settlement").await?;
            all.extend(settled);
        }
        work.commit().await?;
        Ok(all)
    }
}

/// Codes of services that this transaction took.
struct Codes<'s> {
    store: &'s PostgresStore,
    taken: Vec<ServiceCode>,
}

impl Codes<'_> {
    async fn take(&mut self, work: &mut Work, count: usize) -> Result<Vec<ServiceCode>> {
        let codes = self.store.shared.numbers.services(work, count).await?;
        self.taken.extend(&codes);
        Ok(codes)
    }

    fn give_back(&mut self) {
        self.give_back_from(0);
    }

    fn give_back_from(&mut self, from: usize) {
        self.store.shared.numbers.services_unused(self.taken.drain(from..));
    }
}

fn lease(settlements: &[Settlement]) -> Ask {
    let ids: Vec<i64> = settlements.iter().map(|one| one.ticket.number()).collect();
    Ask::new(sql::TICKET_SETTLE_LEASE, params![ids])
}

async fn settle(
    work: &mut Work,
    codes: &mut Codes<'_>,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<Vec<Settled>> {
    let answers = work.go(&[lease(settlements)]).await?;
    let mut leases = HashMap::new();
    for row in answers.iter().flat_map(|answer| &answer.rows) {
        let key: (TicketId, i64) = (row::ticket_id(row, 0)?, row::get(row, 1)?);
        leases.insert(key, leased(row)?);
    }
    let creates = |one: &&Settlement| {
        leases.contains_key(&(one.ticket, one.epoch))
            && matches!(&one.verdict, Verdict::Completed(change) if matches!(change.service, Some(ServiceChange::Create(_))))
    };
    let mut seen = HashSet::new();
    let new = settlements.iter().filter(creates).filter(|one| seen.insert(one.ticket)).count();
    let clock = codes.store.shared.clock;
    let mut ledger = Ledger {
        now,
        clock,
        codes: codes.take(work, new).await?.into_iter(),
        ..Ledger::new(now, clock)
    };
    let mut settled = Vec::with_capacity(settlements.len());
    for one in settlements {
        settled.push(match leases.remove(&(one.ticket, one.epoch)) {
            None => Settled::LeaseLost,
            Some(ticket) => {
                ledger.settle(one, ticket)?;
                Settled::Done
            }
        });
    }
    ledger.write(work).await?;
    Ok(settled)
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
    /// Whether its number is reserved from a range.
    of_range: bool,
}

/// What of a service decides how it is written.
struct Before {
    status: ServiceStatus,
    iccid: Iccid,
    cli: Option<Msisdn>,
}

fn leased(found: &Row) -> Result<Leased> {
    let portal = match row::text_or_none(found, 10)? {
        Some(customer) => Some(PortalId { tenant: row::text(found, 9)?, customer }),
        None => None,
    };
    let before = match row::text_or_none(found, 11)? {
        Some(status) => Some(Before {
            status,
            iccid: row::text(found, 12)?,
            cli: row::text_or_none(found, 13)?,
        }),
        None => None,
    };
    Ok(Leased {
        kind: row::text(found, 2)?,
        iccid: row::text_or_none(found, 3)?,
        portal,
        network: row::text(found, 4)?,
        cli: row::text_or_none(found, 5)?,
        in_doubt: row::get(found, 6)?,
        service: row::service_code_or_none(found, 7)?,
        subjects: row::get(found, 8)?,
        before,
        of_range: row::get(found, 14)?,
    })
}

/// What the ticket's row becomes.
struct After<'a> {
    event: TicketEvent,
    due: Option<Timestamp>,
    counts: bool,
    in_doubt: bool,
    failure: Option<&'a Failure>,
}

/// Everything that a batch changes.
struct Ledger {
    now: Timestamp,
    clock: LeaseClock,
    codes: std::vec::IntoIter<ServiceCode>,
    tickets: TicketRows,
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
}

impl Ledger {
    fn new(now: Timestamp, clock: LeaseClock) -> Self {
        Self {
            now,
            clock,
            codes: Vec::new().into_iter(),
            tickets: TicketRows::default(),
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
        }
    }

    fn settle(&mut self, one: &Settlement, mut ticket: Leased) -> Result<()> {
        let in_doubt = ticket.in_doubt;
        let after = match &one.verdict {
            Verdict::Completed(change) => {
                self.apply(&mut ticket, change)?;
                let event = TicketEvent::Complete;
                After { event, due: None, counts: false, in_doubt: false, failure: None }
            }
            Verdict::Failed(failure) => {
                self.give_number_back(&mut ticket);
                let event = TicketEvent::Fail;
                After { event, due: None, counts: true, in_doubt, failure: Some(failure) }
            }
            Verdict::Postponed { due, failure, counts, in_doubt } => After {
                event: TicketEvent::Postpone,
                due: Some(*due),
                counts: *counts,
                in_doubt: *in_doubt,
                failure: Some(failure),
            },
            Verdict::Unknown(failure) => {
                let event = TicketEvent::LoseTrack;
                After { event, due: None, counts: true, in_doubt: true, failure: Some(failure) }
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
        self.tickets.add((one, self.now), state, &ticket, (&after, due));
        if state.is_final() {
            let id = one.ticket.number();
            self.unlocked.1.extend(ticket.subjects.iter().map(|_| id));
            self.unlocked.0.extend(ticket.subjects);
            self.forgotten.extend(ticket.portal.is_some().then_some(id));
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
    async fn write(self, work: &mut Work) -> Result<()> {
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
        asks.extend(self.tickets.asks(self.clock));
        if !self.unlocked.0.is_empty() {
            let (subjects, holders) = self.unlocked;
            asks.push(Ask::new(sql::TICKET_SETTLE_UNLOCK, params![subjects, holders]));
        }
        if !self.forgotten.is_empty() {
            asks.push(Ask::new(sql::TICKET_SETTLE_FORGET, params![self.forgotten]));
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
pub(in super::super) fn count_services(changes: &BTreeMap<ContractCode, i64>) -> Vec<Ask> {
    let changed = changes.iter().filter(|(_, by)| **by != 0);
    let count = |(contract, by): (&ContractCode, &i64)| params![contract.to_string(), *by];
    changed.map(|change| Ask::new(sql::CONTRACT_COUNT, count(change))).collect()
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

/// The rows of the tickets and of their attempts.
#[derive(Default)]
struct TicketRows {
    ids: Vec<i64>,
    epochs: Vec<i64>,
    began: Vec<i64>,
    ended: Vec<i64>,
    states: Vec<&'static str>,
    finished: Vec<Option<i64>>,
    due: Vec<Option<i64>>,
    services: Vec<Option<i64>>,
    clis: Vec<Option<String>>,
    counts: Vec<i64>,
    in_doubt: Vec<bool>,
    kinds: Vec<Option<&'static str>>,
    reasons: Vec<Option<String>>,
}

impl TicketRows {
    fn add(
        &mut self,
        (one, now): (&Settlement, Timestamp),
        state: TicketState,
        ticket: &Leased,
        (after, due): (&After<'_>, Option<i64>),
    ) {
        let (kind, reason) = after.failure.map(|f| (f.kind.as_str(), f.reason.clone())).unzip();
        self.ids.push(one.ticket.number());
        self.epochs.push(one.epoch);
        self.began.push(one.began.as_millisecond());
        self.ended.push(now.as_millisecond());
        self.states.push(state.as_str());
        self.finished.push(state.is_final().then(|| now.as_millisecond()));
        self.due.push(due);
        self.services.push(ticket.service.map(ServiceCode::number));
        self.clis.push(ticket.cli.as_ref().map(Msisdn::to_string));
        self.counts.push(i64::from(after.counts));
        self.in_doubt.push(after.in_doubt);
        self.kinds.push(kind);
        self.reasons.push(reason);
    }

    fn asks(self, clock: LeaseClock) -> Vec<Ask> {
        if self.ids.is_empty() {
            return Vec::new();
        }
        let Self { ids, epochs, began, ended, states, kinds, reasons, .. } = self;
        let Self { finished, due, services, clis, counts, in_doubt, .. } = self;
        let relative = clock == LeaseClock::Database;
        let mut tickets =
            params![ids.clone(), states.clone(), finished, due, services, clis, counts, in_doubt];
        tickets.extend(params![kinds.clone(), reasons.clone(), relative]);
        let attempts = params![ids, epochs, began, ended, states, kinds, reasons];
        vec![
            Ask::new(sql::TICKET_SETTLE_TICKET, tickets),
            Ask::new(sql::TICKET_SETTLE_ATTEMPT, attempts),
        ]
    }
}
