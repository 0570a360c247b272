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
use provisor_domain::ticket::Subject;
use provisor_domain::{
    CustomerNumber, Iccid, Msisdn, NetworkCode, ReportingGroup, Scope, ServiceCode,
    ServiceSelector, TemplateCode, TicketId, TicketTypeCode, UserKind,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::fault::{Fault, Result as Outcome};
use super::statements::Statements;
use super::tickets::{next_id, remember, remembered};
use super::{SqliteStore, audit, row, sql};
use crate::by_name::ByName;

#[async_trait]
impl Directory for SqliteStore {
    async fn contract_list(
        &self,
        scope: Scope,
        customer: CustomerNumber,
    ) -> Result<Vec<ContractSummary>, StoreError> {
        self.read(move |connection| contract_list(connection, &scope, &customer)).await
    }

    async fn service_find(
        &self,
        scope: Scope,
        selector: ServiceSelector,
        imsi: bool,
    ) -> Result<ServiceFound<ServiceSummary>, StoreError> {
        self.read(move |connection| service_find(connection, &scope, &selector, imsi)).await
    }

    async fn connect_facts(&self, ask: ConnectAsk) -> Result<ConnectFacts, StoreError> {
        self.read(move |connection| connect_facts(connection, &ask)).await
    }

    async fn change_facts(&self, ask: ChangeAsk) -> Result<ChangeFacts, StoreError> {
        self.read(move |connection| change_facts(connection, &ask)).await
    }

    async fn ticket_find(
        &self,
        scope: Scope,
        id: TicketId,
    ) -> Result<Option<TicketFound>, StoreError> {
        self.read(move |connection| ticket_find(connection, &scope, id)).await
    }

    async fn ticket_type_find(&self, code: TicketTypeCode) -> Result<Option<bool>, StoreError> {
        self.read(move |connection| {
            let find = |row: &Row<'_>| Ok(row.get(0)?);
            first(connection, sql::TICKET_TYPE_FIND, [code.as_str()], find)
        })
        .await
    }

    async fn support_case_open(&self, case: NewSupportCase) -> Result<Opened, StoreError> {
        self.write(move |connection| support_case_open(connection, &case)).await
    }
}

/// The first row of a question, if there is one.
fn first<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> Outcome<T>,
) -> Outcome<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(read).transpose()
}

fn contract_list(
    connection: &Connection,
    scope: &Scope,
    customer: &CustomerNumber,
) -> Outcome<Vec<ContractSummary>> {
    let mut statement = connection.prepare_cached(sql::CONTRACT_LIST)?;
    let asked = params![scope.user.0, customer.as_str(), CONTRACTS_PER_CUSTOMER_MAX];
    let mut rows = statement.query(asked)?;
    let mut contracts = Vec::new();
    while let Some(row) = rows.next()? {
        contracts.push(ContractSummary {
            code: row::text(row, 0)?,
            name: row.get(1)?,
            active_services: row.get(2)?,
        });
    }
    Ok(contracts)
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

fn service_find(
    connection: &Connection,
    scope: &Scope,
    selector: &ServiceSelector,
    imsi: bool,
) -> Outcome<ServiceFound<ServiceSummary>> {
    let parameters = params![
        scope.user.0,
        selector.code().map(ServiceCode::number),
        selector.cli().map(Msisdn::as_str),
        selector.iccid().map(Iccid::as_str),
        imsi,
    ];
    let found = first(connection, FIND.of(selector), parameters, |row| row::summary(row, 0))?;
    let Some((service, group)) = found else { return Ok(ServiceFound::Absent) };
    Ok(ServiceFound::within(scope.kind.reaches(service.code, group.as_ref()), service))
}

fn service_facts(
    connection: &Connection,
    scope: &Scope,
    selector: &ServiceSelector,
) -> Outcome<ServiceFound> {
    let parameters = params![
        scope.user.0,
        selector.code().map(ServiceCode::number),
        selector.cli().map(Msisdn::as_str),
        selector.iccid().map(Iccid::as_str),
    ];
    let found = first(connection, FACTS.of(selector), parameters, |row| row::service(row, 0))?;
    let Some(service) = found else { return Ok(ServiceFound::Absent) };
    Ok(ServiceFound::within(scope.kind.reaches(service.code, service.group.as_ref()), service))
}

fn earlier(connection: &Connection, key: Option<&Idempotency>) -> Outcome<Option<Earlier>> {
    let Some(key) = key else { return Ok(None) };
    let parameters = params![key.user.0, key.method, key.key];
    first(connection, sql::FACTS_REMEMBERED, parameters, |row| {
        let fingerprint: [u8; 32] = row.get(0)?;
        let ticket = row::ticket_id(row, 1)?;
        let same = fingerprint == key.fingerprint;
        Ok(if same { Earlier::Ticket(ticket) } else { Earlier::Other })
    })
}

fn sim_facts(connection: &Connection, scope: &Scope, iccid: &Iccid) -> Outcome<Option<SimFacts>> {
    let subject = Subject::Sim(iccid.clone()).key();
    let parameters = params![scope.user.0, iccid.as_str(), subject];
    first(connection, sql::FACTS_SIM, parameters, |row| {
        let open_ticket = row::ticket_id_or_none(row, row::SIM_COLUMNS)?;
        Ok(SimFacts { sim: row::sim(row, 0)?, open_ticket })
    })
}

/// The network that a product belongs to.
fn network_of(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Outcome<Option<NetworkCode>> {
    first(connection, sql, parameters, |row| row::text(row, 0))
}

fn connect_facts(connection: &Connection, ask: &ConnectAsk) -> Outcome<ConnectFacts> {
    let contract = params![ask.scope.user.0, ask.contract.as_str()];
    let apns = ask.apns.iter();
    Ok(ConnectFacts {
        earlier: earlier(connection, ask.idempotency.as_ref())?,
        contract_customer: first(connection, sql::FACTS_CONTRACT, contract, |row| {
            row::text(row, 0)
        })?,
        sim: sim_facts(connection, &ask.scope, &ask.iccid)?,
        tariff_network: network_of(connection, sql::FACTS_TARIFF, [ask.tariff.as_str()])?,
        apn_networks: apns
            .map(|apn| network_of(connection, sql::FACTS_APN, [apn.as_str()]))
            .collect::<Outcome<_>>()?,
    })
}

fn change_facts(connection: &Connection, ask: &ChangeAsk) -> Outcome<ChangeFacts> {
    let earlier = earlier(connection, ask.idempotency.as_ref())?;
    let service = service_facts(connection, &ask.scope, &ask.selector)?;
    let sim = match &service {
        ServiceFound::Found(service) => sim_facts(connection, &ask.scope, &service.iccid)?,
        ServiceFound::Absent | ServiceFound::OutsideKind => None,
    };
    let products = products(connection, &ask.scope, &ask.about)?;
    Ok(ChangeFacts { earlier, service, sim, products })
}

fn products(connection: &Connection, scope: &Scope, about: &ChangeAbout) -> Outcome<Products> {
    Ok(match about {
        ChangeAbout::Nothing => Products::Nothing,
        ChangeAbout::Bar(bar) => {
            let granted = params![scope.user.0, bar.as_str()];
            Products::Bar(first(connection, sql::FACTS_BAR, granted, |row| {
                Ok(BarFacts { network: row::text(row, 0)?, suspends: row.get(1)? })
            })?)
        }
        ChangeAbout::Bolton(bolton) => {
            let granted = params![scope.user.0, bolton.as_str()];
            Products::Bolton(network_of(connection, sql::FACTS_BOLTON, granted)?)
        }
        ChangeAbout::Template(template) => {
            Products::Template(template_facts(connection, template)?)
        }
        ChangeAbout::NewSim(iccid) => Products::NewSim(sim_facts(connection, scope, iccid)?),
    })
}

fn template_facts(connection: &Connection, code: &TemplateCode) -> Outcome<Option<TemplateFacts>> {
    first(connection, sql::FACTS_TEMPLATE, [code.as_str()], |row| {
        Ok(TemplateFacts {
            network: row::text(row, 0)?,
            tariff: row::text(row, 1)?,
            apns: row::json(row, 2)?,
            boltons: row::json(row, 3)?,
        })
    })
}

fn ticket_find(
    connection: &Connection,
    scope: &Scope,
    id: TicketId,
) -> Outcome<Option<TicketFound>> {
    let parameters = params![scope.user.0, id.number()];
    let ticket = first(connection, sql::TICKET_FIND_TICKET, parameters, |row| {
        let ticket = row::ticket(row, 0)?;
        let seen = reaches(scope, row, ticket.about.service(), row::TICKET_COLUMNS)?;
        Ok(seen.then(|| TicketFound::Ticket(Box::new(ticket))))
    })?;
    if let Some(found) = ticket {
        return Ok(found);
    }
    let case = first(connection, sql::TICKET_FIND_CASE, parameters, |row| {
        let case = SupportCase {
            id: row::ticket_id(row, 0)?,
            ticket_type: row::text(row, 1)?,
            service: row::service_code_or_none(row, 2)?,
            raised: row::moment(row, 3)?,
            closed: row::moment_or_none(row, 4)?,
        };
        Ok(reaches(scope, row, case.service, 5)?.then_some(TicketFound::Case(case)))
    })?;
    Ok(case.flatten())
}

/// Whether the caller's kind reaches a ticket's service or, before there is one, the caller raised it. `at`: the group
/// of the service, then whether the caller raised it.
fn reaches(scope: &Scope, row: &Row<'_>, service: Option<ServiceCode>, at: usize) -> Outcome<bool> {
    let group: Option<ReportingGroup> = row::text_or_none(row, at)?;
    let own: bool = row.get(at + 1)?;
    Ok(match &scope.kind {
        UserKind::Account => true,
        UserKind::Group(_) | UserKind::Service(_) => {
            service.map_or(own, |code| scope.kind.reaches(code, group.as_ref()))
        }
        UserKind::Tenant(_) => false,
    })
}

fn support_case_open(connection: &Connection, case: &NewSupportCase) -> Outcome<Opened> {
    let mut statements = Statements::of(connection);
    let key = case.idempotency.as_ref();
    if let Some(answer) = remembered(&mut statements, key, case.raised)? {
        return Ok(answer);
    }
    let known = connection
        .prepare_cached(sql::TICKET_TYPE_FIND)?
        .query_row([case.ticket_type.as_str()], |row| row.get::<_, bool>(0))
        .optional()?;
    if known.is_none() {
        return Err(Fault::conflict(format!("ticket type {} is not known", case.ticket_type)));
    }
    let id = next_id(connection)?;
    connection.prepare_cached(sql::SUPPORT_CASE_OPEN)?.execute(params![
        id.number(),
        case.ticket_type.as_str(),
        case.scope.user.0,
        case.service.as_ref().map(|service| service.customer.as_str()),
        case.service.as_ref().map(|service| service.code.number()),
        case.message,
        case.file.as_ref().map(|file| file.name.as_str()),
        case.file.as_ref().map(|file| file.content.as_slice()),
        case.origin.actor,
        case.raised.as_millisecond(),
    ])?;
    let now = (&case.origin, case.raised);
    audit::add(
        connection,
        now,
        "support_case.open",
        &format!("case:{id}"),
        case.ticket_type.as_str(),
    )?;
    if let Some(key) = key {
        remember(&mut statements, key, id, case.raised)?;
    }
    Ok(Opened::Ticket(id))
}
