//! From the tables of a file to the domain's words: every reference is checked, against the file itself and against
//! what is stored.

use std::path::Path;

use provisor_domain::catalogue::{
    Bar, Catalogue, Contract, Customer, Network, Product, Template, TicketType, User,
};
use provisor_domain::{NetworkCode, ServiceCode, UserKind};
use secrecy::SecretString;
use toml::Spanned;

use super::file::{
    BarTable, CustomerTable, Entry, KindWord, NetworkTable, ProductTable, Tables, TemplateTable,
    TicketTypeTable, UserTable,
};
use super::names::{Names, undefined};
use super::portal;
use super::problems::{Label, Problems};
use super::stock::{self, Codes};
use crate::password;

/// What is wrong with a back end's name that HTTP Basic cannot carry.
pub(crate) const COLON: &str = "a back end's name has no colon: HTTP Basic cannot carry one";

/// A file in the domain's words.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// What it defines; its users have no hashes yet.
    pub(crate) catalogue: Catalogue,
    /// The password of each user, where the file has one.
    pub(crate) passwords: Vec<Option<SecretString>>,
    /// The password of each portal customer, where the file has one.
    pub(crate) portal_passwords: Vec<Option<portal::Password>>,
}

/// Resolves `tables`. `folder` is where relative password files are looked for. What is wrong is in `problems`; with
/// any problem the answer is worth nothing.
pub(crate) fn resolve(
    tables: Tables,
    known: &Catalogue,
    folder: &Path,
    problems: &mut Problems,
) -> Resolved {
    let names = Names::gather(&tables, known, problems);
    let codes = Codes::gather(&tables.services, known);
    let mut passwords = Vec::new();
    let mut users = Vec::new();
    for entry in &tables.users {
        passwords.push(secret(entry, known, folder, problems));
        users.push(user(entry, &names, &codes, problems));
    }
    let (sims, services) = stock::resolve((tables.sims, tables.services), &names, known, problems);
    let (tenants, mail) = portal::tenants(tables.tenants, &names, known, problems);
    let (portal_customers, portal_passwords) =
        portal::customers(tables.portal_customers, &tenants, known, problems);
    let mut networks = each(tables.networks, |entry| network(entry, problems));
    networks.extend(mail);
    let catalogue = Catalogue {
        networks,
        tariffs: each(tables.tariffs, |entry| product(entry, &names, problems)),
        apns: each(tables.apns, |entry| product(entry, &names, problems)),
        boltons: each(tables.boltons, |entry| product(entry, &names, problems)),
        bars: each(tables.bars, |entry| bar(entry, &names, problems)),
        templates: each(tables.templates, |entry| template(entry, &names, problems)),
        ticket_types: each(tables.ticket_types, |entry| ticket_type(entry, problems)),
        customers: each(tables.customers, |entry| customer(entry, problems)),
        tenants,
        portal_customers,
        users,
        sims,
        services,
    };
    Resolved { catalogue, passwords, portal_passwords }
}

fn each<T, U>(entries: Vec<Entry<T>>, turn: impl FnMut(Entry<T>) -> U) -> Vec<U> {
    entries.into_iter().map(turn).collect()
}

/// A name for people: something to read, on one line.
fn named(label: &Label, name: Spanned<String>, problems: &mut Problems) -> String {
    if name.get_ref().trim().is_empty() || name.get_ref().chars().any(char::is_control) {
        problems.within(label, name.span().start, "name must be one line of text");
    }
    name.into_inner()
}

fn network(Entry { label, body }: Entry<NetworkTable>, problems: &mut Problems) -> Network {
    let (code, driver) = (body.code.into_inner(), body.driver);
    if let Some(range) = &body.number_range {
        let (first, last) = range.get_ref();
        if first.count_to(last).is_none() {
            let text =
                "number_range must be a first and a last number of the same length, in this order";
            problems.within(&label, range.span().start, text);
        }
    }
    let driver_at = driver.span().start;
    let network = Network {
        code,
        driver: driver.into_inner(),
        number_range: body.number_range.map(Spanned::into_inner),
        drift: body.drift,
        settings: body.settings,
    };
    if let Err(error) = provisor_drivers::check(&network) {
        let text = error.to_string();
        let at = setting_at(&text, &body.setting_spans).unwrap_or(driver_at);
        let prefix = format!("network {}: ", network.code);
        problems.within(&label, at, text.strip_prefix(&prefix).unwrap_or(&text));
    }
    network
}

/// Where the setting stands that a driver's message is about: drivers put its name between backticks.
fn setting_at(message: &str, spans: &[(String, usize)]) -> Option<usize> {
    let quoted = message.split('`').nth(1)?;
    let name = quoted.split(['.', '[']).next()?;
    spans.iter().find(|(key, _)| key == name).map(|(_, at)| *at)
}

fn product<C>(
    Entry { label, body }: Entry<ProductTable<C>>,
    names: &Names,
    problems: &mut Problems,
) -> Product<C> {
    names.sim_network(&label, &body.network, problems);
    let name = named(&label, body.name, problems);
    Product { code: body.code.into_inner(), name, network: body.network.into_inner() }
}

fn bar(Entry { label, body }: Entry<BarTable>, names: &Names, problems: &mut Problems) -> Bar {
    names.sim_network(&label, &body.network, problems);
    let name = named(&label, body.name, problems);
    let (code, network) = (body.code.into_inner(), body.network.into_inner());
    Bar { code, name, network, suspends: body.suspends }
}

fn template(
    Entry { label, body }: Entry<TemplateTable>,
    names: &Names,
    problems: &mut Problems,
) -> Template {
    let network = names.tariffs.find("tariff", &label, &body.tariff, problems);
    for apn in &body.apns {
        let found = names.apns.find("APN", &label, apn, problems);
        same_network(&label, apn, (network, found), problems);
    }
    for bolton in &body.boltons {
        let found = names.boltons.find("bolt-on", &label, bolton, problems);
        same_network(&label, bolton, (network, found), problems);
    }
    Template {
        code: body.code.into_inner(),
        tariff: body.tariff.into_inner(),
        apns: body.apns.into_iter().map(Spanned::into_inner).collect(),
        boltons: body.boltons.into_iter().map(Spanned::into_inner).collect(),
    }
}

/// What goes with a tariff must be of the tariff's network.
pub(crate) fn same_network(
    label: &Label,
    code: &Spanned<impl std::fmt::Display>,
    (tariffs, own): (Option<&NetworkCode>, Option<&NetworkCode>),
    problems: &mut Problems,
) {
    if let (Some(tariffs), Some(own)) = (tariffs, own)
        && tariffs != own
    {
        let code_text = code.get_ref();
        let text = format!("{code_text} is of network {own}, the tariff of network {tariffs}");
        problems.within(label, code.span().start, text);
    }
}

fn ticket_type(
    Entry { label, body }: Entry<TicketTypeTable>,
    problems: &mut Problems,
) -> TicketType {
    let name = named(&label, body.name, problems);
    TicketType { code: body.code.into_inner(), name, needs_file: body.needs_file }
}

fn customer(Entry { label, body }: Entry<CustomerTable>, problems: &mut Problems) -> Customer {
    let contracts = body.contracts.into_iter().map(|contract| Contract {
        code: contract.code.into_inner(),
        name: named(&label, contract.name, problems),
    });
    let contracts = contracts.collect();
    let name = named(&label, body.name, problems);
    Customer { number: body.number.into_inner(), name, contracts }
}

fn user(
    Entry { label, body }: &Entry<UserTable>,
    names: &Names,
    codes: &Codes,
    problems: &mut Problems,
) -> User {
    for customer in &body.customers {
        names.customers.find("customer", label, customer, problems);
    }
    for bar in &body.bars {
        names.bars.find("bar", label, bar, problems);
    }
    for bolton in &body.boltons {
        names.boltons.find("bolt-on", label, bolton, problems);
    }
    User {
        username: body.username.get_ref().clone(),
        kind: kind(label, body, (names, codes), problems),
        password_hash: None,
        customers: sorted(&body.customers),
        bars: sorted(&body.bars),
        boltons: sorted(&body.boltons),
    }
}

fn sorted<C: Ord + Clone>(codes: &[Spanned<C>]) -> Vec<C> {
    let mut codes: Vec<C> = codes.iter().map(|code| code.get_ref().clone()).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn kind(
    label: &Label,
    body: &UserTable,
    (names, codes): (&Names, &Codes),
    problems: &mut Problems,
) -> UserKind {
    match (body.kind, &body.group, &body.service, &body.tenant) {
        (KindWord::Account, None, None, None) => UserKind::Account,
        (KindWord::Group, Some(group), None, None) => UserKind::Group(group.get_ref().clone()),
        (KindWord::Service, None, Some(service), None) => {
            let code: Option<ServiceCode> = service.get_ref().parse().ok();
            let known = code.filter(|code| codes.has(*code));
            if known.is_none() {
                undefined("service", label, service, problems);
            }
            known.map_or(UserKind::Account, UserKind::Service)
        }
        (KindWord::Tenant, None, None, Some(tenant)) => {
            if !body.username.get_ref().fits_basic() {
                problems.within(label, body.username.span().start, COLON);
            }
            names.tenants.find("tenant", label, tenant, problems);
            UserKind::Tenant(tenant.get_ref().clone())
        }
        _ => {
            let text = "a user of kind \"group\" has a group, one of kind \"service\" a service, one of kind \
                        \"tenant\" a tenant, one of kind \"account\" (the default) none of them";
            problems.within(label, label.at, text);
            UserKind::Account
        }
    }
}

fn secret(
    Entry { label, body }: &Entry<UserTable>,
    known: &Catalogue,
    folder: &Path,
    problems: &mut Problems,
) -> Option<SecretString> {
    let (secret, at) = match (&body.password, &body.password_file) {
        (Some(_), Some(file)) => {
            let text = "password and password_file exclude each other";
            problems.within(label, file.span().start, text);
            return None;
        }
        (Some(password), None) => {
            (SecretString::from(password.get_ref().as_str()), password.span().start)
        }
        (None, Some(file)) => match password::from_file(&folder.join(file.get_ref())) {
            Ok(secret) => (secret, file.span().start),
            Err(error) => {
                problems.within(label, file.span().start, format!("{error:#}"));
                return None;
            }
        },
        (None, None) => {
            if !known.users.iter().any(|user| user.username == *body.username.get_ref()) {
                let text = "a new user needs a password or a password_file";
                problems.within(label, label.at, text);
            }
            return None;
        }
    };
    if let Some(objection) = password::objection(&secret) {
        problems.within(label, at, objection);
    }
    Some(secret)
}
