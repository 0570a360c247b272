//! The catalogue as it stands.

use std::collections::BTreeMap;

use provisor_domain::catalogue::{
    Bar, Catalogue, CatalogueKeys, Contract, Customer, Network, PortalAdoption, Product, Template,
    Tenant, TicketType, User,
};
use provisor_domain::{CustomerNumber, Iccid, Malformed, PortalId, Service, ServiceCode};
use secrecy::SecretString;
use tokio_postgres::Row;

use super::super::fault::Result;
use super::super::link::{Answer, Ask, params};
use super::super::users::read_kind;
use super::super::{portal, row, sql};

/// The questions that are always asked, in the order in which [`read`] takes their answers.
const ALWAYS: [&str; 14] = [
    sql::NETWORK_LIST,
    sql::CATALOGUE_READ_TARIFF,
    sql::CATALOGUE_READ_APN,
    sql::CATALOGUE_READ_BOLTON,
    sql::CATALOGUE_READ_BAR,
    sql::CATALOGUE_READ_TEMPLATE,
    sql::CATALOGUE_READ_TICKET_TYPE,
    sql::CATALOGUE_READ_TENANT,
    sql::CATALOGUE_READ_CUSTOMER,
    sql::CATALOGUE_READ_CONTRACT,
    sql::CATALOGUE_READ_USER,
    sql::CATALOGUE_READ_USER_CUSTOMER,
    sql::CATALOGUE_READ_USER_BAR,
    sql::CATALOGUE_READ_USER_BOLTON,
];

/// What asks for all of it; of SIMs, services and portal customers those named.
pub(in super::super) fn asks(keys: &CatalogueKeys) -> Vec<Ask> {
    let mut asks: Vec<Ask> = ALWAYS.map(|sql| Ask::new(sql, vec![])).into();
    asks.extend(keys.sims.iter().map(sim));
    asks.extend(keys.services.iter().map(|code| service(*code)));
    asks.extend(keys.portal_customers.iter().flat_map(portal::record));
    asks
}

fn sim(iccid: &Iccid) -> Ask {
    Ask::new(sql::CATALOGUE_READ_SIM, params![iccid.to_string()])
}

/// What asks for the service with this code.
pub(super) fn service(code: ServiceCode) -> Ask {
    Ask::new(sql::CATALOGUE_READ_SERVICE, params![code.number()])
}

/// What asks for everything that moves a stamp. See [`stamped`].
pub(super) fn stamped_asks() -> Vec<Ask> {
    let sqls = [sql::NETWORK_LIST, sql::CATALOGUE_READ_TENANT].into_iter();
    sqls.chain(ALWAYS[10..].iter().copied()).map(|sql| Ask::new(sql, vec![])).collect()
}

/// The networks, tenants and users.
pub(super) fn stamped(answers: Vec<Answer>) -> Result<(Vec<Network>, Vec<Tenant>, Vec<User>)> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().map(|answer| answer.rows).unwrap_or_default();
    Ok((all(&next(), network)?, all(&next(), tenant)?, users([next(), next(), next(), next()])?))
}

/// Reads the answers to [`asks`].
pub(in super::super) fn read(answers: Vec<Answer>, keys: &CatalogueKeys) -> Result<Catalogue> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().map(|answer| answer.rows).unwrap_or_default();
    let mut catalogue = Catalogue {
        networks: all(&next(), network)?,
        tariffs: all(&next(), product)?,
        apns: all(&next(), product)?,
        boltons: all(&next(), product)?,
        bars: all(&next(), bar)?,
        templates: all(&next(), template)?,
        ticket_types: all(&next(), ticket_type)?,
        tenants: all(&next(), tenant)?,
        customers: customers(&next(), &next())?,
        users: users([next(), next(), next(), next()])?,
        ..Catalogue::default()
    };
    for _ in &keys.sims {
        catalogue.sims.extend(next().first().map(|row| row::sim(row, 0)).transpose()?);
    }
    for _ in &keys.services {
        catalogue.services.extend(read_service(&next())?);
    }
    for id in &keys.portal_customers {
        let of_one: Vec<Answer> = answers.by_ref().take(portal::RECORD_ASKS).collect();
        catalogue.portal_customers.extend(portal_customer(id, &of_one)?);
    }
    Ok(catalogue)
}

/// The service in the answer to [`service`].
pub(super) fn read_service(rows: &[Row]) -> Result<Option<Service>> {
    rows.first().map(|row| row::service(row, 0)).transpose()
}

fn all<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(read).collect()
}

/// A network.
pub(in super::super) fn network(row: &Row) -> Result<Network> {
    let first = row::text_or_none(row, 2)?;
    let last = row::text_or_none(row, 3)?;
    Ok(Network {
        code: row::text(row, 0)?,
        driver: row::get(row, 1)?,
        number_range: first.zip(last),
        drift: row::text(row, 5)?,
        settings: row::json(row, 4)?,
    })
}

/// A tenant.
pub(in super::super) fn tenant(row: &Row) -> Result<Tenant> {
    Ok(Tenant {
        name: row::text(row, 0)?,
        mail_domain: row::get(row, 1)?,
        mail: row::text(row, 2)?,
        mailbox_bytes: row::count(row, 3)?,
        mail_kept_days: row::count(row, 4)?,
        default: row::get(row, 5)?,
        networks: row::json(row, 6)?,
        packs: row::json(row, 7)?,
    })
}

fn bar(row: &Row) -> Result<Bar> {
    Ok(Bar {
        code: row::text(row, 0)?,
        name: row::get(row, 1)?,
        network: row::text(row, 2)?,
        suspends: row::get(row, 3)?,
    })
}

fn template(row: &Row) -> Result<Template> {
    Ok(Template {
        code: row::text(row, 0)?,
        tariff: row::text(row, 1)?,
        apns: row::json(row, 2)?,
        boltons: row::json(row, 3)?,
    })
}

fn ticket_type(row: &Row) -> Result<TicketType> {
    Ok(TicketType {
        code: row::text(row, 0)?,
        name: row::get(row, 1)?,
        needs_file: row::get(row, 2)?,
    })
}

fn portal_customer(id: &PortalId, answers: &[Answer]) -> Result<Option<PortalAdoption>> {
    let record = portal::read_record(answers)?;
    Ok(record.customer.map(|customer| PortalAdoption {
        id: id.clone(),
        enabled: customer.enabled,
        own_password: customer.own_password,
        secret: record.secret,
        packs: record.packs,
        mailboxes: record.mailboxes,
    }))
}

fn product<C>(row: &Row) -> Result<Product<C>>
where
    C: std::str::FromStr<Err = Malformed>,
{
    Ok(Product { code: row::text(row, 0)?, name: row::get(row, 1)?, network: row::text(row, 2)? })
}

fn customers(rows: &[Row], contracts: &[Row]) -> Result<Vec<Customer>> {
    let mut of = BTreeMap::<CustomerNumber, Vec<Contract>>::new();
    for row in contracts {
        let contract = Contract { code: row::text(row, 1)?, name: row::get(row, 2)? };
        of.entry(row::text(row, 0)?).or_default().push(contract);
    }
    all(rows, |row| {
        let number = row::text(row, 0)?;
        let contracts = of.get(&number).cloned().unwrap_or_default();
        Ok(Customer { number, name: row::get(row, 1)?, contracts })
    })
}

/// The users with their grants and hashes, by name.
fn users([users, customers, bars, boltons]: [Vec<Row>; 4]) -> Result<Vec<User>> {
    let customers = grants(&customers)?;
    let (bars, boltons) = (grants(&bars)?, grants(&boltons)?);
    all(&users, |row| {
        let id: i64 = row::get(row, 0)?;
        Ok(User {
            username: row::text(row, 5)?,
            kind: read_kind(row, 1)?,
            password_hash: Some(SecretString::from(row::get::<String>(row, 6)?)),
            customers: customers.get(&id).cloned().unwrap_or_default(),
            bars: bars.get(&id).cloned().unwrap_or_default(),
            boltons: boltons.get(&id).cloned().unwrap_or_default(),
        })
    })
}

fn grants<C>(rows: &[Row]) -> Result<BTreeMap<i64, Vec<C>>>
where
    C: std::str::FromStr<Err = Malformed>,
{
    let mut of = BTreeMap::<i64, Vec<C>>::new();
    for row in rows {
        of.entry(row::get(row, 0)?).or_default().push(row::text(row, 1)?);
    }
    Ok(of)
}
