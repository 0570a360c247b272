//! What applying a file would change: compared kind by kind, field by field.
//!
//! Invariant: a password is never part of it, only that one changed.

use std::collections::HashMap;
use std::hash::Hash;

use provisor_domain::UserKind;
use provisor_domain::catalogue::{
    Bar, Catalogue, Contract, Customer, Network, PortalAdoption, Product, Template, Tenant,
    TicketType, User,
};
use provisor_domain::{Service, SimRecord};
use serde::Serialize;

use super::portal;

/// What happens to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Op {
    /// It is new.
    Add,
    /// It differs from what is stored.
    Change,
}

/// One entry that is new or differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub(crate) op: Op,
    /// The table's name.
    pub(crate) entity: &'static str,
    /// The code or name it is known by.
    pub(crate) key: String,
    pub(crate) fields: Vec<Field>,
}

/// One field of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Field {
    #[serde(rename = "field")]
    pub(crate) name: String,
    /// What is stored; none when it is new, and of a password.
    pub(crate) from: Option<String>,
    /// What it becomes; none of a password.
    pub(crate) to: Option<String>,
}

/// What differs, and the part of the catalogue that must be written for it.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    pub(crate) changes: Vec<Change>,
    pub(crate) catalogue: Catalogue,
}

type Fields = Vec<(String, String)>;

/// Compares `wanted` with what is stored. A user of `wanted` with a hash has a new password.
pub(crate) fn diff(wanted: Catalogue, known: &Catalogue) -> Difference {
    let mut changes = Vec::new();
    let out = &mut changes;
    let catalogue = Catalogue {
        networks: differing("network", wanted.networks, &known.networks, network, out),
        tariffs: differing("tariff", wanted.tariffs, &known.tariffs, product, out),
        apns: differing("apn", wanted.apns, &known.apns, product, out),
        boltons: differing("bolton", wanted.boltons, &known.boltons, product, out),
        bars: differing("bar", wanted.bars, &known.bars, bar, out),
        templates: differing("template", wanted.templates, &known.templates, template, out),
        ticket_types: differing(
            "ticket_type",
            wanted.ticket_types,
            &known.ticket_types,
            ticket_type,
            out,
        ),
        customers: customers(wanted.customers, &known.customers, out),
        sims: differing("sim", wanted.sims, &known.sims, sim, out),
        services: differing("service", wanted.services, &[], service, out),
        users: differing("user", wanted.users, &known.users, user, out),
        tenants: differing("tenant", wanted.tenants, &known.tenants, tenant, out),
        portal_customers: differing("portal_customer", wanted.portal_customers, &[], adoption, out),
    };
    Difference { changes, catalogue }
}

/// An entry's key and its other fields, as text.
type Told = (String, Fields);

/// Those of `wanted` that are new or differ.
fn differing<T>(
    entity: &'static str,
    wanted: Vec<T>,
    known: &[T],
    tell: impl Fn(&T) -> Told,
    changes: &mut Vec<Change>,
) -> Vec<T> {
    let known: HashMap<String, Fields> = known.iter().map(&tell).collect();
    let mut left = wanted;
    left.retain(|entry| {
        let (key, fields) = tell(entry);
        let change = compare(entity, key.clone(), fields, known.get(&key));
        let differs = change.is_some();
        changes.extend(change);
        differs
    });
    left
}

fn compare(
    entity: &'static str,
    key: String,
    fields: Fields,
    known: Option<&Fields>,
) -> Option<Change> {
    let Some(known) = known else {
        let fields = fields.into_iter().filter(|(field, to)| field == PASSWORD || !to.is_empty());
        let fields = fields.map(|(field, to)| shown(field, None, to)).collect();
        return Some(Change { op: Op::Add, entity, key, fields });
    };
    let stored = |field: &str| known.iter().find(|(name, _)| name == field).map(|(_, v)| v.clone());
    let gone: Vec<Field> = known
        .iter()
        .filter(|(name, _)| name != PASSWORD && !fields.iter().any(|(field, _)| field == name))
        .map(|(name, from)| shown(name.clone(), Some(from.clone()), String::new()))
        .collect();
    let mut differ: Vec<Field> = fields
        .into_iter()
        .map(|(field, to)| (stored(&field), field, to))
        .filter(|(from, field, to)| field == PASSWORD || from.as_ref() != Some(to))
        .map(|(from, field, to)| shown(field, Some(from.unwrap_or_default()), to))
        .collect();
    differ.extend(gone);
    let change = Change { op: Op::Change, entity, key, fields: differ };
    (!change.fields.is_empty()).then_some(change)
}

/// The field that has no value to show.
const PASSWORD: &str = "password";

fn shown(field: String, from: Option<String>, to: String) -> Field {
    if field == PASSWORD {
        return Field { name: field, from: None, to: None };
    }
    Field { name: field, from, to: Some(to) }
}

/// Customers whose name or contracts are new or differ. Contracts are told apart, as entries of their own.
fn customers(wanted: Vec<Customer>, known: &[Customer], out: &mut Vec<Change>) -> Vec<Customer> {
    let stored: HashMap<_, _> = index(known, |customer| customer.number.clone());
    let mut left = wanted;
    left.retain_mut(|customer| {
        let old = stored.get(&customer.number);
        let name = |name: &str| vec![("name".to_owned(), name.to_owned())];
        let key = customer.number.to_string();
        let renamed =
            compare("customer", key, name(&customer.name), old.map(|c| name(&c.name)).as_ref());
        let mut differs = renamed.is_some();
        out.extend(renamed);
        let number = customer.number.to_string();
        let tell = |contract: &Contract| {
            let mut fields = name(&contract.name);
            fields.push(("customer".to_owned(), number.clone()));
            (contract.code.to_string(), fields)
        };
        let contracts = std::mem::take(&mut customer.contracts);
        let before = old.map_or(&[][..], |c| &c.contracts);
        customer.contracts = differing("contract", contracts, before, tell, out);
        differs |= !customer.contracts.is_empty();
        differs
    });
    left
}

fn index<T, K: Eq + Hash>(all: &[T], key: impl Fn(&T) -> K) -> HashMap<K, &T> {
    all.iter().map(|entry| (key(entry), entry)).collect()
}

fn fields<const N: usize>(all: [(&str, String); N]) -> Fields {
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn list<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn option<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn network(network: &Network) -> Told {
    let range = network.number_range.as_ref().map(|(first, last)| format!("{first} to {last}"));
    let mut told = fields([("driver", network.driver.clone())]);
    told.push(("number_range".to_owned(), range.unwrap_or_default()));
    told.push(("drift".to_owned(), network.drift.as_str().to_owned()));
    told.extend(network.settings.iter().map(|(key, value)| (key.clone(), value.to_string())));
    (network.code.to_string(), told)
}

fn product<C: ToString>(product: &Product<C>) -> Told {
    let told = [("name", product.name.clone()), ("network", product.network.to_string())];
    (product.code.to_string(), fields(told))
}

fn bar(bar: &Bar) -> Told {
    let told = [
        ("name", bar.name.clone()),
        ("network", bar.network.to_string()),
        ("suspends", bar.suspends.to_string()),
    ];
    (bar.code.to_string(), fields(told))
}

fn template(template: &Template) -> Told {
    let told = [
        ("tariff", template.tariff.to_string()),
        ("apns", list(&template.apns)),
        ("boltons", list(&template.boltons)),
    ];
    (template.code.to_string(), fields(told))
}

fn ticket_type(kind: &TicketType) -> Told {
    let told = [("name", kind.name.clone()), ("needs_file", kind.needs_file.to_string())];
    (kind.code.to_string(), fields(told))
}

fn sim(sim: &SimRecord) -> Told {
    let told = [
        ("imsi", option(sim.imsi.as_ref())),
        ("msisdn", option(sim.msisdn.as_ref())),
        ("customer", sim.customer.to_string()),
        ("network", option(sim.network.as_ref())),
    ];
    (sim.iccid.to_string(), fields(told))
}

fn service(service: &Service) -> Told {
    let bars: Vec<&str> = service.products.bars.iter().map(|bar| bar.code.as_str()).collect();
    let told = [
        ("name", service.name.to_string()),
        ("status", service.status.as_str().to_owned()),
        ("cli", option(service.cli.as_ref())),
        ("sim", service.iccid.to_string()),
        ("contract", service.contract.to_string()),
        ("tariff", service.tariff.to_string()),
        ("group", option(service.group.as_ref())),
        ("apns", list(&service.products.apns)),
        ("boltons", list(&service.products.boltons)),
        ("bars", bars.join(", ")),
    ];
    (service.code.to_string(), fields(told))
}

fn user(user: &User) -> Told {
    let kind = match &user.kind {
        UserKind::Account => "account".to_owned(),
        UserKind::Group(group) => format!("group {group}"),
        UserKind::Service(service) => format!("service {service}"),
        UserKind::Tenant(tenant) => format!("tenant {tenant}"),
    };
    let mut told = fields([
        ("kind", kind),
        ("customers", list(&user.customers)),
        ("bars", list(&user.bars)),
        ("boltons", list(&user.boltons)),
    ]);
    if user.password_hash.is_some() {
        told.push((PASSWORD.to_owned(), String::new()));
    }
    (user.username.to_string(), told)
}

fn tenant(tenant: &Tenant) -> Told {
    let packs: Vec<String> = tenant.packs.iter().map(portal::pack_text).collect();
    let told = [
        ("mail_domain", tenant.mail_domain.clone()),
        ("mail", tenant.mail.to_string()),
        ("mailbox_bytes", tenant.mailbox_bytes.to_string()),
        ("mail_kept_days", tenant.mail_kept_days.to_string()),
        ("default", tenant.default.to_string()),
        ("networks", list(&tenant.networks)),
        ("packs", packs.join(", ")),
    ];
    (tenant.name.to_string(), fields(told))
}

fn adoption(customer: &PortalAdoption) -> Told {
    let packs = customer.packs.iter().map(|pack| format!("{} {}", pack.name, pack.value));
    let mailboxes = customer.mailboxes.iter().map(|mailbox| match &mailbox.forward {
        Some(forward) => format!("{} to {forward}", mailbox.address),
        None => mailbox.address.to_string(),
    });
    let mut told = fields([
        ("enabled", customer.enabled.to_string()),
        ("password_changed", customer.own_password.to_string()),
        ("packs", packs.collect::<Vec<_>>().join(", ")),
        ("mailboxes", mailboxes.collect::<Vec<_>>().join(", ")),
    ]);
    if customer.secret.is_some() {
        told.push((PASSWORD.to_owned(), String::new()));
    }
    (customer.id.to_string(), told)
}
