//! The catalogue as it stands.

use provisor_domain::catalogue::{
    Bar, Catalogue, CatalogueKeys, Contract, Customer, Network, PortalAdoption, Product, Template,
    Tenant, TicketType, User,
};
use provisor_domain::{Iccid, Malformed, PortalId, Service, ServiceCode, SimRecord};
use rusqlite::{Connection, Params, Row};
use secrecy::SecretString;

use super::super::fault::{Fault, Result};
use super::super::users::read_kind;
use super::super::{portal, row, sql};

/// Reads all of it; of SIMs, services and portal customers those named.
pub(in super::super) fn read(connection: &Connection, keys: &CatalogueKeys) -> Result<Catalogue> {
    let find_sim = |iccid: &Iccid| sim(connection, iccid).transpose();
    let find_service = |code: &ServiceCode| service(connection, *code).transpose();
    let find_portal = |id: &PortalId| portal_customer(connection, id).transpose();
    Ok(Catalogue {
        networks: networks(connection)?,
        tariffs: products(connection, sql::CATALOGUE_READ_TARIFF)?,
        apns: products(connection, sql::CATALOGUE_READ_APN)?,
        boltons: products(connection, sql::CATALOGUE_READ_BOLTON)?,
        bars: all(connection, sql::CATALOGUE_READ_BAR, [], |row| {
            Ok(Bar {
                code: row::text(row, 0)?,
                name: row.get(1)?,
                network: row::text(row, 2)?,
                suspends: row.get(3)?,
            })
        })?,
        templates: all(connection, sql::CATALOGUE_READ_TEMPLATE, [], |row| {
            Ok(Template {
                code: row::text(row, 0)?,
                tariff: row::text(row, 1)?,
                apns: row::json(row, 2)?,
                boltons: row::json(row, 3)?,
            })
        })?,
        ticket_types: all(connection, sql::CATALOGUE_READ_TICKET_TYPE, [], |row| {
            Ok(TicketType { code: row::text(row, 0)?, name: row.get(1)?, needs_file: row.get(2)? })
        })?,
        customers: customers(connection)?,
        users: users(connection)?,
        sims: keys.sims.iter().filter_map(find_sim).collect::<Result<_>>()?,
        services: keys.services.iter().filter_map(find_service).collect::<Result<_>>()?,
        tenants: tenants(connection)?,
        portal_customers: keys
            .portal_customers
            .iter()
            .filter_map(find_portal)
            .collect::<Result<_>>()?,
    })
}

/// Every row of a question.
fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The networks, by code.
pub(in super::super) fn networks(connection: &Connection) -> Result<Vec<Network>> {
    all(connection, sql::NETWORK_LIST, [], |row| {
        let first = row::text_or_none(row, 2)?;
        let last = row::text_or_none(row, 3)?;
        Ok(Network {
            code: row::text(row, 0)?,
            driver: row.get(1)?,
            number_range: first.zip(last),
            drift: row::text(row, 5)?,
            settings: row::json(row, 4)?,
        })
    })
}

/// The tenants, by name.
pub(in super::super) fn tenants(connection: &Connection) -> Result<Vec<Tenant>> {
    all(connection, sql::CATALOGUE_READ_TENANT, [], |row| {
        Ok(Tenant {
            name: row::text(row, 0)?,
            mail_domain: row.get(1)?,
            mail: row::text(row, 2)?,
            mailbox_bytes: row.get(3)?,
            mail_kept_days: row.get(4)?,
            default: row.get(5)?,
            networks: row::json(row, 6)?,
            packs: row::json(row, 7)?,
        })
    })
}

fn portal_customer(connection: &Connection, id: &PortalId) -> Result<Option<PortalAdoption>> {
    let record = portal::record(connection, id)?;
    Ok(record.customer.map(|customer| PortalAdoption {
        id: id.clone(),
        enabled: customer.enabled,
        own_password: customer.own_password,
        secret: record.secret,
        packs: record.packs,
        mailboxes: record.mailboxes,
    }))
}

fn products<C>(connection: &Connection, sql: &str) -> Result<Vec<Product<C>>>
where
    C: std::str::FromStr<Err = Malformed>,
{
    all(connection, sql, [], |row| {
        Ok(Product { code: row::text(row, 0)?, name: row.get(1)?, network: row::text(row, 2)? })
    })
}

fn customers(connection: &Connection) -> Result<Vec<Customer>> {
    let mut customers = all(connection, sql::CATALOGUE_READ_CUSTOMER, [], |row| {
        Ok(Customer { number: row::text(row, 0)?, name: row.get(1)?, contracts: Vec::new() })
    })?;
    for customer in &mut customers {
        let number = [customer.number.as_str()];
        customer.contracts = all(connection, sql::CATALOGUE_READ_CONTRACT, number, |row| {
            Ok(Contract { code: row::text(row, 0)?, name: row.get(1)? })
        })?;
    }
    Ok(customers)
}

/// The users with their grants and hashes, by name.
pub(super) fn users(connection: &Connection) -> Result<Vec<User>> {
    let bare = all(connection, sql::CATALOGUE_READ_USER, [], |row| {
        let user = User {
            username: row::text(row, 5)?,
            kind: read_kind(row, 1)?,
            password_hash: Some(SecretString::from(row.get::<_, String>(6)?)),
            customers: Vec::new(),
            bars: Vec::new(),
            boltons: Vec::new(),
        };
        Ok((row.get::<_, i64>(0)?, user))
    })?;
    let grants = |(id, user): (i64, User)| {
        Ok::<_, Fault>(User {
            customers: codes(connection, sql::CATALOGUE_READ_USER_CUSTOMER, id)?,
            bars: codes(connection, sql::CATALOGUE_READ_USER_BAR, id)?,
            boltons: codes(connection, sql::CATALOGUE_READ_USER_BOLTON, id)?,
            ..user
        })
    };
    bare.into_iter().map(grants).collect()
}

fn codes<C>(connection: &Connection, sql: &str, user: i64) -> Result<Vec<C>>
where
    C: std::str::FromStr<Err = Malformed>,
{
    all(connection, sql, [user], |row| row::text(row, 0))
}

fn sim(connection: &Connection, iccid: &Iccid) -> Result<Option<SimRecord>> {
    let found = all(connection, sql::CATALOGUE_READ_SIM, [iccid.as_str()], |row| row::sim(row, 0))?;
    Ok(found.into_iter().next())
}

/// The service with this code.
pub(super) fn service(connection: &Connection, code: ServiceCode) -> Result<Option<Service>> {
    let sql = sql::CATALOGUE_READ_SERVICE;
    let found = all(connection, sql, [code.number()], |row| row::service(row, 0))?;
    Ok(found.into_iter().next())
}
