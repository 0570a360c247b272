//! Writing a catalogue: what it holds is created or updated, what it does not hold is left alone.
//!
//! Invariant: writing the same catalogue twice changes nothing the second time, and no stamp moves.

use jiff::Timestamp;
use provisor_domain::catalogue::{
    Bar, Catalogue, Customer, Network, Product, Template, Tenant, TicketType, User,
};
use provisor_domain::store::Origin;
use provisor_domain::{BarCode, BoltonCode, CustomerNumber, Malformed};
use rusqlite::{Connection, OptionalExtension, params};
use secrecy::ExposeSecret;

use super::super::fault::{Fault, Result, about};
use super::super::{audit, row, sql, users};
use super::{read, stock};

pub(in super::super) fn write(
    connection: &Connection,
    catalogue: &Catalogue,
    now: (&Origin, Timestamp),
) -> Result<()> {
    let before = (networks_and_tenants(connection)?, read::users(connection)?);
    networks(connection, &catalogue.networks)?;
    products(connection, (sql::CATALOGUE_WRITE_TARIFF, "tariff"), &catalogue.tariffs)?;
    products(connection, (sql::CATALOGUE_WRITE_APN, "APN"), &catalogue.apns)?;
    products(connection, (sql::CATALOGUE_WRITE_BOLTON, "bolt-on"), &catalogue.boltons)?;
    bars(connection, &catalogue.bars)?;
    templates(connection, &catalogue.templates)?;
    ticket_types(connection, &catalogue.ticket_types)?;
    customers(connection, &catalogue.customers)?;
    tenants(connection, &catalogue.tenants)?;
    for user in &catalogue.users {
        write_user(connection, user)?;
    }
    stock::sims(connection, &catalogue.sims)?;
    stock::services(connection, &catalogue.services)?;
    stock::portal_customers(connection, &catalogue.portal_customers)?;
    if before.0 != networks_and_tenants(connection)? {
        users::move_stamp(connection, "stamp.networks")?;
    }
    if !same_users(&before.1, &read::users(connection)?) {
        users::move_stamp(connection, "stamp.users")?;
    }
    audit::add(connection, now, "catalogue.write", "catalogue", &summary(catalogue))
}

/// What a change of moves the networks' stamp.
fn networks_and_tenants(connection: &Connection) -> Result<(Vec<Network>, Vec<Tenant>)> {
    Ok((read::networks(connection)?, read::tenants(connection)?))
}

/// What was in the file, for the audit trail.
fn summary(catalogue: &Catalogue) -> String {
    let counts = [
        (catalogue.networks.len(), "networks"),
        (catalogue.tariffs.len(), "tariffs"),
        (catalogue.apns.len(), "APNs"),
        (catalogue.boltons.len(), "bolt-ons"),
        (catalogue.bars.len(), "bars"),
        (catalogue.templates.len(), "templates"),
        (catalogue.ticket_types.len(), "ticket types"),
        (catalogue.customers.len(), "customers"),
        (catalogue.users.len(), "users"),
        (catalogue.sims.len(), "SIMs"),
        (catalogue.services.len(), "services"),
        (catalogue.tenants.len(), "tenants"),
        (catalogue.portal_customers.len(), "portal customers"),
    ];
    let named: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    named.join(", ")
}

fn same_users(before: &[User], after: &[User]) -> bool {
    let hash = |user: &User| user.password_hash.as_ref().map(|h| h.expose_secret().to_owned());
    before.len() == after.len()
        && before.iter().zip(after).all(|(a, b)| {
            (&a.username, &a.kind, &a.customers, &a.bars, &a.boltons)
                == (&b.username, &b.kind, &b.customers, &b.bars, &b.boltons)
                && hash(a) == hash(b)
        })
}

fn networks(connection: &Connection, networks: &[Network]) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::CATALOGUE_WRITE_NETWORK)?;
    for network in networks {
        let (first, last) =
            network.number_range.as_ref().map(|(a, b)| (a.as_str(), b.as_str())).unzip();
        let written = statement.execute(params![
            network.code.as_str(),
            network.driver,
            first,
            last,
            row::to_json(&network.settings)?,
            network.drift.as_str()
        ]);
        about(written, || {
            format!("network {}: its number range ends before it begins", network.code)
        })?;
    }
    Ok(())
}

fn products<C: std::fmt::Display>(
    connection: &Connection,
    (sql, what): (&str, &str),
    products: &[Product<C>],
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    for Product { code, name, network } in products {
        let written = statement.execute(params![code.to_string(), name, network.as_str()]);
        about(written, || format!("{what} {code}: network {network} is not known"))?;
    }
    Ok(())
}

fn bars(connection: &Connection, bars: &[Bar]) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::CATALOGUE_WRITE_BAR)?;
    for Bar { code, name, network, suspends } in bars {
        let written = statement.execute(params![code.as_str(), name, network.as_str(), suspends]);
        about(written, || format!("bar {code}: network {network} is not known"))?;
    }
    Ok(())
}

fn templates(connection: &Connection, templates: &[Template]) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::CATALOGUE_WRITE_TEMPLATE)?;
    let mut apn = connection.prepare_cached(sql::FACTS_APN)?;
    let mut bolton = connection.prepare_cached(sql::CATALOGUE_WRITE_BOLTON_KNOWN)?;
    for Template { code, tariff, apns, boltons } in templates {
        for apn_code in apns {
            if !apn.exists([apn_code.as_str()])? {
                return Err(Fault::conflict(format!(
                    "template {code}: APN {apn_code} is not known"
                )));
            }
        }
        for bolton_code in boltons {
            if !bolton.exists([bolton_code.as_str()])? {
                let reason = format!("template {code}: bolt-on {bolton_code} is not known");
                return Err(Fault::conflict(reason));
            }
        }
        let (apns, boltons) = (row::to_json(apns)?, row::to_json(boltons)?);
        let written = statement.execute(params![code.as_str(), tariff.as_str(), apns, boltons]);
        about(written, || format!("template {code}: tariff {tariff} is not known"))?;
    }
    Ok(())
}

fn ticket_types(connection: &Connection, types: &[TicketType]) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::CATALOGUE_WRITE_TICKET_TYPE)?;
    for TicketType { code, name, needs_file } in types {
        statement.execute(params![code.as_str(), name, needs_file])?;
    }
    Ok(())
}

fn customers(connection: &Connection, customers: &[Customer]) -> Result<()> {
    let mut customer = connection.prepare_cached(sql::CATALOGUE_WRITE_CUSTOMER)?;
    let mut owner = connection.prepare_cached(sql::CATALOGUE_WRITE_CONTRACT_CUSTOMER)?;
    let mut contract = connection.prepare_cached(sql::CATALOGUE_WRITE_CONTRACT)?;
    for Customer { number, name, contracts } in customers {
        customer.execute(params![number.as_str(), name])?;
        for one in contracts {
            let code = one.code.as_str();
            let of: Option<String> = owner.query_row([code], |row| row.get(0)).optional()?;
            let of: Option<CustomerNumber> = of
                .map(|raw| raw.parse().map_err(|e: Malformed| Fault::broken(e.to_string())))
                .transpose()?;
            if let Some(other) = of.filter(|of| of != number) {
                let reason =
                    format!("contract {code} belongs to customer {other}, not to {number}");
                return Err(Fault::conflict(reason));
            }
            contract.execute(params![code, number.as_str(), one.name])?;
        }
    }
    Ok(())
}

fn write_user(connection: &Connection, user: &User) -> Result<()> {
    let granted = user.customers.len() + user.bars.len() + user.boltons.len();
    users::check_grants(&user.username, &user.kind, granted)?;
    let id = if let Some(id) = users::find_id(connection, &user.username)? {
        users::set_kind(connection, id, (&user.username, &user.kind))?;
        if let Some(hash) = &user.password_hash {
            users::set_password(connection, id, hash)?;
        }
        id
    } else {
        let no_password =
            || Fault::conflict(format!("user {} is new and has no password", user.username));
        let hash = user.password_hash.as_ref().ok_or_else(no_password)?;
        users::insert(connection, &user.username, &user.kind, hash)?.ok_or_else(no_password)?
    };
    let grants = [
        (sql::USER_REVOKE_CUSTOMER, sql::USER_GRANT_CUSTOMER, "customer"),
        (sql::USER_REVOKE_BAR, sql::USER_GRANT_BAR, "bar"),
        (sql::USER_REVOKE_BOLTON, sql::USER_GRANT_BOLTON, "bolt-on"),
    ];
    let codes: [Vec<&str>; 3] = [
        user.customers.iter().map(CustomerNumber::as_str).collect(),
        user.bars.iter().map(BarCode::as_str).collect(),
        user.boltons.iter().map(BoltonCode::as_str).collect(),
    ];
    for ((revoke, grant, what), codes) in grants.into_iter().zip(codes) {
        connection.prepare_cached(revoke)?.execute([id.0])?;
        let what = format!("user {}: {what}", user.username);
        users::grant(connection, id, (grant, &what), codes.into_iter())?;
    }
    Ok(())
}

fn tenants(connection: &Connection, tenants: &[Tenant]) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::CATALOGUE_WRITE_TENANT)?;
    // The one that others leave being the default to comes last.
    let (defaults, others): (Vec<_>, Vec<_>) = tenants.iter().partition(|tenant| tenant.default);
    for tenant in others.into_iter().chain(defaults) {
        let Tenant { name, mail, default, .. } = tenant;
        let written = statement.execute(params![
            name.as_str(),
            tenant.mail_domain,
            mail.as_str(),
            tenant.mailbox_bytes,
            tenant.mail_kept_days,
            default,
            row::to_json(&tenant.networks)?,
            row::to_json(&tenant.packs)?,
        ]);
        about(written, || {
            let unknown = format!("tenant {name}: network {mail} is not known");
            if *default { format!("{unknown}, or another tenant is the default") } else { unknown }
        })?;
    }
    Ok(())
}
