//! The tables of a catalogue file, as they are written. Every key has a struct's field here; other keys are errors.
//!
//! Tables are read one by one, so that a mistake in one does not hide those in the others.

use std::path::PathBuf;

use ipnet::IpNet;
use provisor_domain::drift::DriftPolicy;
use provisor_domain::portal::PackMeasure;
use provisor_domain::{
    ApnCode, BarCode, BoltonCode, ContractCode, CustomerNumber, Iccid, Imsi, MailAddress, Msisdn,
    Name, NetworkCode, PackName, ParCustId, ReportingGroup, ServiceStatus, TariffCode,
    TemplateCode, TenantName, TicketTypeCode, Username,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problems::{Label, Problems};

/// One table, and how messages name it.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) label: Label,
    pub(crate) body: T,
}

/// All tables of a file.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) networks: Vec<Entry<NetworkTable>>,
    pub(crate) tariffs: Vec<Entry<ProductTable<TariffCode>>>,
    pub(crate) apns: Vec<Entry<ProductTable<ApnCode>>>,
    pub(crate) boltons: Vec<Entry<ProductTable<BoltonCode>>>,
    pub(crate) bars: Vec<Entry<BarTable>>,
    pub(crate) templates: Vec<Entry<TemplateTable>>,
    pub(crate) ticket_types: Vec<Entry<TicketTypeTable>>,
    pub(crate) customers: Vec<Entry<CustomerTable>>,
    pub(crate) users: Vec<Entry<UserTable>>,
    pub(crate) sims: Vec<Entry<SimTable>>,
    pub(crate) services: Vec<Entry<ServiceTable>>,
    pub(crate) tenants: Vec<Entry<TenantTable>>,
    pub(crate) portal_customers: Vec<Entry<PortalCustomerTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkTable {
    pub(crate) code: Spanned<NetworkCode>,
    pub(crate) driver: Spanned<String>,
    pub(crate) number_range: Option<Spanned<(Msisdn, Msisdn)>>,
    #[serde(default)]
    pub(crate) drift: DriftPolicy,
    /// All other keys: the driver's.
    #[serde(skip)]
    pub(crate) settings: Map<String, Value>,
    /// Where each of them stands.
    #[serde(skip)]
    pub(crate) setting_spans: Vec<(String, usize)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductTable<C> {
    pub(crate) code: Spanned<C>,
    pub(crate) name: Spanned<String>,
    pub(crate) network: Spanned<NetworkCode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BarTable {
    pub(crate) code: Spanned<BarCode>,
    pub(crate) name: Spanned<String>,
    pub(crate) network: Spanned<NetworkCode>,
    #[serde(default)]
    pub(crate) suspends: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateTable {
    pub(crate) code: Spanned<TemplateCode>,
    pub(crate) tariff: Spanned<TariffCode>,
    #[serde(default)]
    pub(crate) apns: Vec<Spanned<ApnCode>>,
    #[serde(default)]
    pub(crate) boltons: Vec<Spanned<BoltonCode>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketTypeTable {
    pub(crate) code: Spanned<TicketTypeCode>,
    pub(crate) name: Spanned<String>,
    #[serde(default)]
    pub(crate) needs_file: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerTable {
    pub(crate) number: Spanned<CustomerNumber>,
    pub(crate) name: Spanned<String>,
    #[serde(default)]
    pub(crate) contracts: Vec<ContractTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContractTable {
    pub(crate) code: Spanned<ContractCode>,
    pub(crate) name: Spanned<String>,
}

/// The kinds of user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindWord {
    /// Everything under the granted customers.
    #[default]
    Account,
    /// One reporting group.
    Group,
    /// One service.
    Service,
    /// The back end of a tenant.
    Tenant,
}

// No Debug for the password's sake: it is only ever moved on into a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserTable {
    pub(crate) username: Spanned<Username>,
    pub(crate) password: Option<Spanned<String>>,
    pub(crate) password_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(crate) kind: KindWord,
    pub(crate) group: Option<Spanned<ReportingGroup>>,
    pub(crate) service: Option<Spanned<String>>,
    pub(crate) tenant: Option<Spanned<TenantName>>,
    #[serde(default)]
    pub(crate) customers: Vec<Spanned<CustomerNumber>>,
    #[serde(default)]
    pub(crate) bars: Vec<Spanned<BarCode>>,
    #[serde(default)]
    pub(crate) boltons: Vec<Spanned<BoltonCode>>,
}

impl std::fmt::Debug for UserTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserTable").field("username", &self.username).finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimTable {
    pub(crate) iccid: Spanned<Iccid>,
    pub(crate) imsi: Option<Spanned<Imsi>>,
    pub(crate) msisdn: Option<Spanned<Msisdn>>,
    pub(crate) customer: Spanned<CustomerNumber>,
    pub(crate) network: Option<Spanned<NetworkCode>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceTable {
    pub(crate) code: Spanned<String>,
    pub(crate) name: Name,
    pub(crate) status: Spanned<ServiceStatus>,
    pub(crate) cli: Option<Spanned<Msisdn>>,
    pub(crate) sim: Spanned<Iccid>,
    pub(crate) contract: Spanned<ContractCode>,
    pub(crate) tariff: Spanned<TariffCode>,
    pub(crate) group: Option<ReportingGroup>,
    #[serde(default)]
    pub(crate) apns: Vec<Spanned<ApnCode>>,
    #[serde(default)]
    pub(crate) boltons: Vec<Spanned<BoltonCode>>,
    #[serde(default)]
    pub(crate) bars: Vec<Spanned<BarCode>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantTable {
    pub(crate) name: Spanned<TenantName>,
    pub(crate) mail_domain: Spanned<String>,
    pub(crate) mail: Option<Spanned<NetworkCode>>,
    pub(crate) mailbox_quota: Option<Spanned<String>>,
    pub(crate) mail_kept_days: Option<u16>,
    #[serde(default)]
    pub(crate) default: bool,
    pub(crate) networks: Option<Vec<IpNet>>,
    #[serde(default)]
    pub(crate) packs: Vec<PackTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackTable {
    pub(crate) name: Spanned<PackName>,
    pub(crate) kind: PackMeasure,
}

// No Debug for the password's sake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalCustomerTable {
    pub(crate) tenant: Spanned<TenantName>,
    pub(crate) id: Spanned<ParCustId>,
    pub(crate) enabled: Option<bool>,
    #[serde(default)]
    pub(crate) password_changed: bool,
    pub(crate) password: Option<Spanned<String>>,
    pub(crate) password_md5: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) packs: Vec<ActivePackTable>,
    #[serde(default)]
    pub(crate) mailboxes: Vec<MailboxTable>,
}

impl std::fmt::Debug for PortalCustomerTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortalCustomerTable").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivePackTable {
    pub(crate) name: Spanned<String>,
    pub(crate) value: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailboxTable {
    pub(crate) address: Spanned<MailAddress>,
    pub(crate) forward: Option<MailAddress>,
    #[serde(default)]
    pub(crate) keep_copy: bool,
}

/// The keys of a `[[network]]` that are not its driver's.
const NETWORK_KEYS: [&str; 4] = ["code", "driver", "number_range", "drift"];

/// Reads the tables of `text`. What cannot be read is in `problems`.
pub(crate) fn read(text: &str, problems: &mut Problems) -> Tables {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        problems.at(error.span().map_or(0, |span| span.start), one_line(error.message()));
    }
    let mut tables = Tables::default();
    if !errors.is_empty() {
        return tables; // whatever else is said about half a file would mislead
    }
    for (key, value) in root.into_inner() {
        let at = key.span().start;
        match key.get_ref().as_ref() {
            "network" => tables.networks = networks(at, value, problems),
            "tariff" => tables.tariffs = all(("tariff", "code"), at, value, problems),
            "apn" => tables.apns = all(("apn", "code"), at, value, problems),
            "bolton" => tables.boltons = all(("bolton", "code"), at, value, problems),
            "bar" => tables.bars = all(("bar", "code"), at, value, problems),
            "template" => tables.templates = all(("template", "code"), at, value, problems),
            "ticket_type" => {
                tables.ticket_types = all(("ticket_type", "code"), at, value, problems);
            }
            "customer" => tables.customers = all(("customer", "number"), at, value, problems),
            "user" => tables.users = all(("user", "username"), at, value, problems),
            "sim" => tables.sims = all(("sim", "iccid"), at, value, problems),
            "service" => tables.services = all(("service", "code"), at, value, problems),
            "tenant" => tables.tenants = all(("tenant", "name"), at, value, problems),
            "portal_customer" => {
                tables.portal_customers = all(("portal_customer", "id"), at, value, problems);
            }
            other => problems.at(
                at,
                format!(
                    "there is no table [[{other}]]; there are network, tariff, apn, bar, bolton, \
                     template, ticket_type, customer, user, sim, service, tenant, portal_customer"
                ),
            ),
        }
    }
    tables
}

/// A table's name and the key by which its entries are told apart.
type Kind = (&'static str, &'static str);

fn all<T: DeserializeOwned>(
    kind: Kind,
    at: usize,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Vec<Entry<T>> {
    let entries = entries(kind, at, value, problems).into_iter();
    entries
        .filter_map(|(label, at, table)| {
            let body = body(&label, Spanned::new(at, table), problems)?;
            Some(Entry { label, body })
        })
        .collect()
}

fn networks(
    at: usize,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Vec<Entry<NetworkTable>> {
    let mut read = Vec::new();
    for (label, span, table) in entries(("network", "code"), at, value, problems) {
        let mut own = DeTable::new();
        let (mut settings, mut setting_spans) = (Map::new(), Vec::new());
        for (key, value) in table {
            if NETWORK_KEYS.contains(&key.get_ref().as_ref()) {
                own.insert(key, value);
                continue;
            }
            let (name, at) = (key.get_ref().to_string(), key.span().start);
            match Value::deserialize(ValueDeserializer::from(value)) {
                Ok(value) => drop(settings.insert(name.clone(), value)),
                Err(error) => problems.within(&label, at, one_line(error.message())),
            }
            setting_spans.push((name, at));
        }
        if let Some(body) = body(&label, Spanned::new(span, own), problems) {
            let body = NetworkTable { settings, setting_spans, ..body };
            read.push(Entry { label, body });
        }
    }
    read
}

type RawEntry<'a> = (Label, std::ops::Range<usize>, DeTable<'a>);

fn entries<'a>(
    (kind, key): Kind,
    at: usize,
    value: Spanned<DeValue<'a>>,
    problems: &mut Problems,
) -> Vec<RawEntry<'a>> {
    let DeValue::Array(array) = value.into_inner() else {
        problems
            .at(at, format!("write [[{kind}]] with double brackets: there can be many of them"));
        return Vec::new();
    };
    let mut read = Vec::new();
    for value in array {
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            problems.at(span.start, format!("[[{kind}]] must be a table"));
            continue;
        };
        let named = table.iter().find(|(name, _)| name.get_ref() == key);
        let (key, at) = match named {
            Some((_, value)) => (value.get_ref().as_str().map(str::to_owned), value.span().start),
            None => (None, span.start),
        };
        read.push((Label { kind, key, at }, span, table));
    }
    read
}

fn body<T: DeserializeOwned>(
    label: &Label,
    table: Spanned<DeTable<'_>>,
    problems: &mut Problems,
) -> Option<T> {
    let values =
        table.get_ref().iter().map(|(key, value)| (key.get_ref().to_string(), value.span()));
    let values: Vec<_> = values.collect();
    let span = table.span();
    let value = Spanned::new(span, DeValue::Table(table.into_inner()));
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(body) => Some(body),
        Err(error) => {
            let at = error.span().map_or(label.at, |span| span.start);
            let key =
                values.iter().find(|(_, span)| span.contains(&at)).map(|(key, _)| key.as_str());
            match key {
                // What stands in a password's place is never repeated.
                Some(key @ ("password" | "password_md5")) => {
                    problems.within(label, at, format!("{key} must be a text in quotes"));
                }
                Some(key) => {
                    problems.within(label, at, format!("{key}: {}", one_line(error.message())));
                }
                None => problems.within(label, at, one_line(error.message())),
            }
            None
        }
    }
}

fn one_line(message: &str) -> String {
    message.trim().replace('\n', "; ")
}
