//! What callers may see, and the facts their orders are decided on.
//!
//! Invariant: every statement here goes through `user_customer` of the scope's user; what lies outside it answers no row.
//! A tenant's user is granted nothing (see [`super::users`]) and so finds nothing here.

use async_trait::async_trait;
use provisor_domain::limits::CONTRACTS_PER_CUSTOMER_MAX;
use provisor_domain::store::{
    BarFacts, ChangeAbout, ChangeAsk, ChangeFacts, ConnectAsk, ConnectFacts, ContractSummary,
    Directory, Earlier, Idempotency, Opened, Products, ServiceFound, ServiceSummary, SimFacts,
    StoreError, TemplateFacts, TicketFound,
};
use provisor_domain::support_case::{NewSupportCase, SupportCase};
use provisor_domain::{
    CustomerNumber, Iccid, Msisdn, ReportingGroup, Scope, ServiceCode, ServiceSelector, TicketId,
    TicketTypeCode, UserKind,
};
use tokio_postgres::Row;

use super::fault::{Fault, Result as Outcome};
use super::link::{Ask, params};
use super::question::{Question, Value};
use super::tickets::{KeyRows, number_of_ticket, remembered};
use super::{PostgresStore, audit, row, sql, told};
use crate::by_name::ByName;

/// Where the columns of an answer begin that was asked for together with others, after the place of its question.
const ANSWER_AT: usize = 1;
/// Where the columns of the SIM begin, after those of its service; the ticket that is open for it comes last.
const SIM_AT: usize = ANSWER_AT + row::SERVICE_COLUMNS;
/// Where those of the SIM of a connect begin, after its contract's customer and its tariff's network.
const CONNECT_SIM_AT: usize = ANSWER_AT + 2;

#[async_trait]
impl Directory for PostgresStore {
    async fn contract_list(
        &self,
        scope: Scope,
        customer: CustomerNumber,
    ) -> Result<Vec<ContractSummary>, StoreError> {
        let list = async {
            let most = row::number(CONTRACTS_PER_CUSTOMER_MAX);
            let asked = params![scope.user.0, customer.to_string(), most];
            let rows = self.ask_one(sql::CONTRACT_LIST, asked).await?;
            rows.iter().map(read_contract).collect()
        };
        told(list.await)
    }

    async fn service_find(
        &self,
        scope: Scope,
        selector: ServiceSelector,
        imsi: bool,
    ) -> Result<ServiceFound<ServiceSummary>, StoreError> {
        told(self.service_find(&scope, &selector, imsi).await)
    }

    async fn connect_facts(&self, ask: ConnectAsk) -> Result<ConnectFacts, StoreError> {
        told(self.connect_facts(&ask).await)
    }

    async fn change_facts(&self, ask: ChangeAsk) -> Result<ChangeFacts, StoreError> {
        told(self.change_facts(&ask).await)
    }

    async fn ticket_find(
        &self,
        scope: Scope,
        id: TicketId,
    ) -> Result<Option<TicketFound>, StoreError> {
        told(self.ticket_find(&scope, id).await)
    }

    async fn ticket_type_find(&self, code: TicketTypeCode) -> Result<Option<bool>, StoreError> {
        let found = async {
            let rows = self.ask_one(sql::TICKET_TYPE_FIND, params![code.to_string()]).await?;
            rows.first().map(|row| row::get(row, 0)).transpose()
        };
        told(found.await)
    }

    async fn support_case_open(&self, case: NewSupportCase) -> Result<Opened, StoreError> {
        told(self.support_case_open(&case).await)
    }
}

/// The first row of an answer, if there is one.
fn first(answers: &[Vec<Row>], at: usize) -> Option<&Row> {
    answers.get(at).and_then(|rows| rows.first())
}

fn read_contract(row: &Row) -> Outcome<ContractSummary> {
    Ok(ContractSummary {
        code: row::text(row, 0)?,
        name: row::get(row, 1)?,
        active_services: row::count(row, 2)?,
    })
}

/// What is seen of it.
const FIND: ByName = ByName {
    code: sql::SERVICE_FIND_CODE,
    cli: sql::SERVICE_FIND_CLI,
    iccid: sql::SERVICE_FIND_ICCID,
};

/// What a change is decided on.
const FACTS: ByName = ByName {
    code: sql::FACTS_SERVICE_CODE,
    cli: sql::FACTS_SERVICE_CLI,
    iccid: sql::FACTS_SERVICE_ICCID,
};

/// Whose eyes, and what a service is named with.
fn named(scope: &Scope, selector: &ServiceSelector) -> [Value; 4] {
    [
        scope.user.0.into(),
        selector.code().map(ServiceCode::number).into(),
        selector.cli().map(Msisdn::to_string).into(),
        selector.iccid().map(Iccid::to_string).into(),
    ]
}

fn service_facts(scope: &Scope, selector: &ServiceSelector) -> Question {
    Question::new(FACTS.of(selector), named(scope, selector))
}

fn service_seen(scope: &Scope, selector: &ServiceSelector, imsi: bool) -> Question {
    let [user, code, cli, iccid] = named(scope, selector);
    Question::new(FIND.of(selector), [user, code, cli, iccid, imsi.into()])
}

fn read_summary(scope: &Scope, row: &Row) -> Outcome<ServiceFound<ServiceSummary>> {
    let (service, group) = row::summary(row, ANSWER_AT)?;
    Ok(ServiceFound::within(scope.kind.reaches(service.code, group.as_ref()), service))
}

fn read_service(scope: &Scope, row: &Row) -> Outcome<ServiceFound> {
    let service = row::service(row, ANSWER_AT)?;
    Ok(ServiceFound::within(scope.kind.reaches(service.code, service.group.as_ref()), service))
}

fn read_facts(scope: &Scope, row: Option<&Row>) -> Outcome<(ServiceFound, Option<SimFacts>)> {
    let Some(row) = row else { return Ok((ServiceFound::Absent, None)) };
    Ok(match read_service(scope, row)? {
        found @ ServiceFound::Found(_) => (found, Some(read_sim(row, SIM_AT)?)),
        other => (other, None),
    })
}

/// What the key stands for.
fn earlier(key: &Idempotency) -> Question {
    let values = [key.user.0.into(), key.method.to_owned().into(), key.key.clone().into()];
    Question::new(sql::FACTS_REMEMBERED, values)
}

fn read_earlier(key: Option<&Idempotency>, row: Option<&Row>) -> Outcome<Option<Earlier>> {
    let (Some(key), Some(row)) = (key, row) else { return Ok(None) };
    let same = row::bytes(row, ANSWER_AT)? == key.fingerprint;
    let ticket = row::ticket_id(row, ANSWER_AT + 1)?;
    Ok(Some(if same { Earlier::Ticket(ticket) } else { Earlier::Other }))
}

/// What a code or number stands for, for the scope's user.
fn granted(sql: &'static str, scope: &Scope, code: &impl ToString) -> Question {
    Question::new(sql, [scope.user.0.into(), code.to_string().into()])
}

/// What a code stands for, for everybody.
fn known(sql: &'static str, code: &impl ToString) -> Question {
    Question::new(sql, [code.to_string().into()])
}

/// A SIM, then the ticket that is open for it.
fn read_sim(row: &Row, at: usize) -> Outcome<SimFacts> {
    let open_ticket = row::ticket_id_or_none(row, at + row::SIM_COLUMNS)?;
    Ok(SimFacts { sim: row::sim(row, at)?, open_ticket })
}

fn read_products(about: &ChangeAbout, row: Option<&Row>) -> Outcome<Products> {
    let code = |row| row::text(row, ANSWER_AT);
    let sim = |row| read_sim(row, ANSWER_AT);
    Ok(match about {
        ChangeAbout::Nothing => Products::Nothing,
        ChangeAbout::Bar(_) => Products::Bar(row.map(read_bar).transpose()?),
        ChangeAbout::Bolton(_) => Products::Bolton(row.map(code).transpose()?),
        ChangeAbout::Template(_) => Products::Template(row.map(read_template).transpose()?),
        ChangeAbout::NewSim(_) => Products::NewSim(row.map(sim).transpose()?),
    })
}

fn read_bar(row: &Row) -> Outcome<BarFacts> {
    let suspends = row::get(row, ANSWER_AT + 1)?;
    Ok(BarFacts { network: row::text(row, ANSWER_AT)?, suspends })
}

fn read_template(row: &Row) -> Outcome<TemplateFacts> {
    Ok(TemplateFacts {
        network: row::text(row, ANSWER_AT)?,
        tariff: row::text(row, ANSWER_AT + 1)?,
        apns: row::json(row, ANSWER_AT + 2)?,
        boltons: row::json(row, ANSWER_AT + 3)?,
    })
}

fn products(scope: &Scope, about: &ChangeAbout) -> Option<Question> {
    Some(match about {
        ChangeAbout::Nothing => return None,
        ChangeAbout::Bar(bar) => granted(sql::FACTS_BAR, scope, bar),
        ChangeAbout::Bolton(bolton) => granted(sql::FACTS_BOLTON, scope, bolton),
        ChangeAbout::Template(template) => known(sql::FACTS_TEMPLATE, template),
        ChangeAbout::NewSim(iccid) => granted(sql::FACTS_SIM, scope, iccid),
    })
}

impl PostgresStore {
    async fn service_find(
        &self,
        scope: &Scope,
        selector: &ServiceSelector,
        imsi: bool,
    ) -> Outcome<ServiceFound<ServiceSummary>> {
        let seen = self.ask_together(vec![service_seen(scope, selector, imsi)]).await?;
        if let Some(row) = first(&seen, 0) {
            return read_summary(scope, row);
        }
        if selector.code().is_some() {
            return Ok(ServiceFound::Absent);
        }
        // None that is live: of those that the number or the SIM had before, the last one.
        let facts = self.ask_together(vec![service_facts(scope, selector)]).await?;
        let (found, sim) = read_facts(scope, first(&facts, 0))?;
        let imsi = sim.and_then(|facts| facts.sim.imsi).filter(|_| imsi);
        Ok(found.map(|service| ServiceSummary::of(service, imsi)))
    }

    async fn connect_facts(&self, ask: &ConnectAsk) -> Outcome<ConnectFacts> {
        let asked = [
            ask.scope.user.0.into(),
            ask.contract.to_string().into(),
            ask.iccid.to_string().into(),
            ask.tariff.to_string().into(),
        ];
        let mut questions = vec![Question::new(sql::FACTS_CONNECT, asked)];
        questions.extend(ask.apns.iter().map(|apn| known(sql::FACTS_APN, apn)));
        let apns = 1..questions.len();
        let key = ask.idempotency.as_ref();
        questions.extend(key.map(earlier));
        let answers = self.ask_together(questions).await?;
        let facts = first(&answers, 0).ok_or_else(|| Fault::broken("an order without facts"))?;
        let sim = row::text_or_none::<Iccid>(facts, CONNECT_SIM_AT)?;
        let network = |at| first(&answers, at).map(|row| row::text(row, ANSWER_AT)).transpose();
        Ok(ConnectFacts {
            earlier: self.earlier(key, first(&answers, apns.end)).await?,
            contract_customer: row::text_or_none(facts, ANSWER_AT)?,
            tariff_network: row::text_or_none(facts, ANSWER_AT + 1)?,
            sim: sim.map(|_| read_sim(facts, CONNECT_SIM_AT)).transpose()?,
            apn_networks: apns.map(network).collect::<Outcome<_>>()?,
        })
    }

    /// What the key stands for. It is acknowledged once more, and by whom it was at first, and whether, nobody knows.
    async fn earlier(
        &self,
        key: Option<&Idempotency>,
        row: Option<&Row>,
    ) -> Outcome<Option<Earlier>> {
        let earlier = read_earlier(key, row)?;
        if matches!(earlier, Some(Earlier::Ticket(_))) {
            self.work().await?.confirm().await?;
        }
        Ok(earlier)
    }

    async fn change_facts(&self, ask: &ChangeAsk) -> Outcome<ChangeFacts> {
        let key = ask.idempotency.as_ref();
        let mut questions = vec![service_facts(&ask.scope, &ask.selector)];
        questions.extend(key.map(earlier));
        questions.extend(products(&ask.scope, &ask.about));
        let answers = self.ask_together(questions).await?;
        let (service, sim) = read_facts(&ask.scope, first(&answers, 0))?;
        Ok(ChangeFacts {
            earlier: self.earlier(key, first(&answers, 1)).await?,
            service,
            sim,
            products: read_products(&ask.about, first(&answers, 1 + usize::from(key.is_some())))?,
        })
    }

    async fn ticket_find(&self, scope: &Scope, id: TicketId) -> Outcome<Option<TicketFound>> {
        let asked = || params![scope.user.0, id.number()];
        let rows = self.ask_one(sql::TICKET_FIND_TICKET, asked()).await?;
        if let Some(row) = rows.first() {
            let ticket = row::ticket(row, 0)?;
            let seen = reaches(scope, row, ticket.about.service(), row::TICKET_COLUMNS)?;
            return Ok(seen.then(|| TicketFound::Ticket(Box::new(ticket))));
        }
        let rows = self.ask_one(sql::TICKET_FIND_CASE, asked()).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let case = SupportCase {
            id: row::ticket_id(row, 0)?,
            ticket_type: row::text(row, 1)?,
            service: row::service_code_or_none(row, 2)?,
            raised: row::moment(row, 3)?,
            closed: row::moment_or_none(row, 4)?,
        };
        Ok(reaches(scope, row, case.service, 5)?.then_some(TicketFound::Case(case)))
    }

    async fn support_case_open(&self, case: &NewSupportCase) -> Outcome<Opened> {
        let mut work = self.work().await?;
        let key = case.idempotency.as_ref();
        let asked = params![case.ticket_type.to_string()];
        let known = work.one(sql::TICKET_TYPE_FIND, asked).await?;
        if let Some(answer) = remembered(&mut work, key, case.raised).await? {
            return work.confirm().await.map(|()| answer);
        }
        if known.rows.is_empty() {
            return Err(Fault::conflict(format!("ticket type {} is not known", case.ticket_type)));
        }
        let id = number_of_ticket(&mut work).await?;
        if let Some(key) = key {
            let mut rows = KeyRows::default();
            rows.add(key, 1, case.raised)?;
            let won = work.go(&[rows.ask()]).await?;
            let won = won.first().is_some_and(|answer| !answer.rows.is_empty());
            if !won {
                // Somebody else used the key since; his answer is there now.
                let answer = remembered(&mut work, Some(key), case.raised).await?;
                work.confirm().await?;
                return answer.ok_or_else(|| Fault::unavailable("the key was used and forgotten"));
            }
        }
        let open = params![
            id.number(),
            case.ticket_type.to_string(),
            case.scope.user.0,
            case.service.as_ref().map(|service| service.customer.to_string()),
            case.service.as_ref().map(|service| service.code.number()),
            case.message.clone(),
            case.file.as_ref().map(|file| file.name.clone()),
            case.file.as_ref().map(|file| file.content.clone()),
            case.origin.actor.clone(),
            case.raised.as_millisecond(),
        ];
        let by = (&case.origin, case.raised);
        let line =
            audit::add(by, "support_case.open", format!("case:{id}"), case.ticket_type.as_str());
        work.commit_with(&[Ask::new(sql::SUPPORT_CASE_OPEN, open), line]).await?;
        Ok(Opened::Ticket(id))
    }
}

/// Whether the caller's kind reaches a ticket's service or, before there is one, the caller raised it. `at`: the group
/// of the service, then whether the caller raised it.
fn reaches(scope: &Scope, row: &Row, service: Option<ServiceCode>, at: usize) -> Outcome<bool> {
    let group: Option<ReportingGroup> = row::text_or_none(row, at)?;
    let own: bool = row::get(row, at + 1)?;
    Ok(match &scope.kind {
        UserKind::Account => true,
        UserKind::Group(_) | UserKind::Service(_) => {
            service.map_or(own, |code| scope.kind.reaches(code, group.as_ref()))
        }
        UserKind::Tenant(_) => false,
    })
}
