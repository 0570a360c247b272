//! Writing a catalogue: what it holds is created or updated, what it does not hold is left alone.
//!
//! Invariant: writing the same catalogue twice changes nothing the second time, and no stamp moves.

use jiff::Timestamp;
use provisor_domain::catalogue::{
    Bar, Catalogue, Contract, Customer, Network, Product, Template, Tenant, TicketType, User,
};
use provisor_domain::store::Origin;
use provisor_domain::{BarCode, BoltonCode, CustomerNumber};
use secrecy::ExposeSecret;

use super::super::fault::{Fault, Result};
use super::super::link::{Ask, params};
use super::super::work::Work;
use super::super::{audit, row, sql, users};
use super::{read, stock};

pub(in super::super) async fn write(
    mut work: Work,
    catalogue: &Catalogue,
    by: (&Origin, Timestamp),
) -> Result<()> {
    let held = stock::hold(&mut work, catalogue).await?;
    let before = read::stamped(work.go(&read::stamped_asks()).await?)?;
    let mut asks = networks(&catalogue.networks)?;
    asks.extend(products((sql::CATALOGUE_WRITE_TARIFF, "tariff"), &catalogue.tariffs));
    asks.extend(products((sql::CATALOGUE_WRITE_APN, "APN"), &catalogue.apns));
    asks.extend(products((sql::CATALOGUE_WRITE_BOLTON, "bolt-on"), &catalogue.boltons));
    asks.extend(bars(&catalogue.bars));
    work.go(&asks).await?;
    templates(&mut work, &catalogue.templates).await?;
    work.go(&ticket_types(&catalogue.ticket_types)).await?;
    customers(&mut work, &catalogue.customers).await?;
    work.go(&tenants(&catalogue.tenants)?).await?;
    for user in &catalogue.users {
        write_user(&mut work, user).await?;
    }
    stock::sims(&mut work, &catalogue.sims).await?;
    stock::services(&mut work, &catalogue.services).await?;
    stock::portal_customers(&mut work, &catalogue.portal_customers).await?;
    let after = read::stamped(work.go(&read::stamped_asks()).await?)?;
    let mut asks = vec![stock::let_go(held)];
    if (&before.0, &before.1) != (&after.0, &after.1) {
        asks.push(users::move_stamp("stamp.networks"));
    }
    if !same_users(&before.2, &after.2) {
        asks.push(users::move_stamp("stamp.users"));
    }
    asks.push(audit::add(by, "catalogue.write", "catalogue".to_owned(), &summary(catalogue)));
    work.commit_with(&asks).await.map(drop)
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

fn networks(networks: &[Network]) -> Result<Vec<Ask>> {
    let write = |network: &Network| {
        let range = network.number_range.as_ref();
        let (first, last) = range.map(|(a, b)| (a.to_string(), b.to_string())).unzip();
        let settings = row::to_json(&network.settings)?;
        let (code, driver) = (network.code.to_string(), network.driver.clone());
        let written = params![code, driver, first, last, settings, network.drift.as_str()];
        let words = format!("network {}: its number range ends before it begins", network.code);
        Ok(Ask::new(sql::CATALOGUE_WRITE_NETWORK, written).or_say(words))
    };
    networks.iter().map(write).collect()
}

fn products<C: std::fmt::Display>(
    (sql, what): (&'static str, &str),
    products: &[Product<C>],
) -> Vec<Ask> {
    let write = |Product { code, name, network }: &Product<C>| {
        let words = format!("{what} {code}: network {network} is not known");
        Ask::new(sql, params![code.to_string(), name.clone(), network.to_string()]).or_say(words)
    };
    products.iter().map(write).collect()
}

fn bars(bars: &[Bar]) -> Vec<Ask> {
    let write = |Bar { code, name, network, suspends }: &Bar| {
        let written = params![code.to_string(), name.clone(), network.to_string(), *suspends];
        let words = format!("bar {code}: network {network} is not known");
        Ask::new(sql::CATALOGUE_WRITE_BAR, written).or_say(words)
    };
    bars.iter().map(write).collect()
}

async fn templates(work: &mut Work, templates: &[Template]) -> Result<()> {
    for Template { code, tariff, apns, boltons } in templates {
        let apns_known =
            apns.iter().map(|apn| (sql::CATALOGUE_WRITE_APN_KNOWN, "APN", apn.to_string()));
        let boltons_known = boltons
            .iter()
            .map(|bolton| (sql::CATALOGUE_WRITE_BOLTON_KNOWN, "bolt-on", bolton.to_string()));
        for (sql, what, name) in apns_known.chain(boltons_known) {
            if work.one(sql, params![name.clone()]).await?.rows.is_empty() {
                let reason = format!("template {code}: {what} {name} is not known");
                return Err(Fault::conflict(reason));
            }
        }
        let (apns, boltons) = (row::to_json(apns)?, row::to_json(boltons)?);
        let written = params![code.to_string(), tariff.to_string(), apns, boltons];
        let words = format!("template {code}: tariff {tariff} is not known");
        work.go(&[Ask::new(sql::CATALOGUE_WRITE_TEMPLATE, written).or_say(words)]).await?;
    }
    Ok(())
}

fn ticket_types(types: &[TicketType]) -> Vec<Ask> {
    let write = |TicketType { code, name, needs_file }: &TicketType| {
        let written = params![code.to_string(), name.clone(), *needs_file];
        Ask::new(sql::CATALOGUE_WRITE_TICKET_TYPE, written)
    };
    types.iter().map(write).collect()
}

/// In the order of their codes, whatever the file's is: settlements count contracts in this order.
async fn customers(work: &mut Work, customers: &[Customer]) -> Result<()> {
    let mut customers: Vec<&Customer> = customers.iter().collect();
    customers.sort_by(|a, b| a.number.cmp(&b.number));
    for Customer { number, name, .. } in &customers {
        work.one(sql::CATALOGUE_WRITE_CUSTOMER, params![number.to_string(), name.clone()]).await?;
    }
    let mut contracts: Vec<(&Contract, &CustomerNumber)> = Vec::new();
    for Customer { number, contracts: own, .. } in customers {
        contracts.extend(own.iter().map(|contract| (contract, number)));
    }
    contracts.sort_by(|(a, _), (b, _)| a.code.cmp(&b.code));
    for (Contract { code, name }, number) in contracts {
        let owner = sql::CATALOGUE_WRITE_CONTRACT_CUSTOMER;
        let of = work.one(owner, params![code.to_string()]).await?;
        let of: Option<CustomerNumber> =
            of.rows.first().map(|row| row::text(row, 0)).transpose()?;
        if let Some(other) = of.filter(|of| of != number) {
            let reason = format!("contract {code} belongs to customer {other}, not to {number}");
            return Err(Fault::conflict(reason));
        }
        let written = params![code.to_string(), number.to_string(), name.clone()];
        work.one(sql::CATALOGUE_WRITE_CONTRACT, written).await?;
    }
    Ok(())
}

async fn write_user(work: &mut Work, user: &User) -> Result<()> {
    let granted = user.customers.len() + user.bars.len() + user.boltons.len();
    users::check_grants(&user.username, &user.kind, granted)?;
    let id = if let Some(id) = users::find_id(work, &user.username).await? {
        let mut asks = vec![users::set_kind(id, (&user.username, &user.kind))];
        asks.extend(user.password_hash.as_ref().map(|hash| users::set_password(id, hash)));
        work.go(&asks).await?;
        id
    } else {
        let no_password =
            || Fault::conflict(format!("user {} is new and has no password", user.username));
        let hash = user.password_hash.as_ref().ok_or_else(no_password)?;
        let added = users::insert(work, &user.username, &user.kind, hash).await?;
        added.ok_or_else(|| Fault::conflict(format!("user {} was just added", user.username)))?
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
    let mut asks = Vec::new();
    for ((revoke, grant, what), codes) in grants.into_iter().zip(codes) {
        asks.push(Ask::new(revoke, params![id.0]));
        let what = format!("user {}: {what}", user.username);
        asks.extend(users::grant(id, (grant, &what), codes.into_iter()));
    }
    work.go(&asks).await.map(drop)
}

fn tenants(tenants: &[Tenant]) -> Result<Vec<Ask>> {
    let write = |tenant: &Tenant| {
        let Tenant { name, mail, default, .. } = tenant;
        let written = params![
            name.to_string(),
            tenant.mail_domain.clone(),
            mail.to_string(),
            row::number(tenant.mailbox_bytes),
            row::number(tenant.mail_kept_days),
            *default,
            row::to_json(&tenant.networks)?,
            row::to_json(&tenant.packs)?,
        ];
        let unknown = format!("tenant {name}: network {mail} is not known");
        let words =
            if *default { format!("{unknown}, or another tenant is the default") } else { unknown };
        Ok(Ask::new(sql::CATALOGUE_WRITE_TENANT, written).or_say(words))
    };
    // The one that others leave being the default to comes last.
    let (defaults, others): (Vec<_>, Vec<_>) = tenants.iter().partition(|tenant| tenant.default);
    others.into_iter().chain(defaults).map(write).collect()
}
