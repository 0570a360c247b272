//! The catalogue: the operator's world as it is loaded from a file (contract section 3).
//!
//! These types are what the store reads and writes; the file's own form (TOML, spans, defaults) is the server's.
//! Invariant: what is in the file is created or updated; what is not in it is left alone.

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::drift::DriftPolicy;
use crate::portal::{Pack, PackMeasure, PortalSecret};
use crate::{
    ApnCode, BarCode, BoltonCode, ContractCode, CustomerNumber, Iccid, Mailbox, Msisdn,
    NetworkCode, PackName, PortalId, Service, ServiceCode, SimRecord, TariffCode, TemplateCode,
    TenantName, TicketTypeCode, UserKind, Username,
};

/// Everything that a catalogue can define.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Networks.
    pub networks: Vec<Network>,
    /// Tariffs.
    pub tariffs: Vec<Product<TariffCode>>,
    /// Access point names.
    pub apns: Vec<Product<ApnCode>>,
    /// Bolt-ons.
    pub boltons: Vec<Product<BoltonCode>>,
    /// Bars.
    pub bars: Vec<Bar>,
    /// Templates.
    pub templates: Vec<Template>,
    /// Kinds of support case.
    pub ticket_types: Vec<TicketType>,
    /// Customers with their contracts.
    pub customers: Vec<Customer>,
    /// Users with their grants.
    pub users: Vec<User>,
    /// SIMs (a few; large stocks are imported). Of an existing SIM only what the file can say is compared.
    pub sims: Vec<SimRecord>,
    /// Services that already run. An existing code is left alone: from its adoption on, tickets change it.
    pub services: Vec<Service>,
    /// Tenants of the Simple Portal face.
    pub tenants: Vec<Tenant>,
    /// Portal customers that exist already. One that is known is left alone: from its adoption on, tickets change it.
    pub portal_customers: Vec<PortalAdoption>,
}

/// What of the store a catalogue is compared with: SIMs, services and portal customers are too many to read all.
#[derive(Debug, Clone, Default)]
pub struct CatalogueKeys {
    /// The SIMs to read.
    pub sims: Vec<Iccid>,
    /// The services to read.
    pub services: Vec<ServiceCode>,
    /// The portal customers to read.
    pub portal_customers: Vec<PortalId>,
}

/// A network and what drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its code.
    pub code: NetworkCode,
    /// The driver's name (`simulated`).
    pub driver: String,
    /// First and last number that new services may be given, where the network has a range.
    pub number_range: Option<(Msisdn, Msisdn)>,
    /// What is done about drift without a person.
    pub drift: DriftPolicy,
    /// The driver's own settings, checked by the driver.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// Something with a code, a name and a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product<C> {
    /// Its code.
    pub code: C,
    /// Its name.
    pub name: String,
    /// The network that has it.
    pub network: NetworkCode,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Its code.
    pub code: BarCode,
    /// Its name.
    pub name: String,
    /// The network that has it.
    pub network: NetworkCode,
    /// Whether it takes the whole service off the network.
    pub suspends: bool,
}

/// A template: tariff, APNs and bolt-ons that are set together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its code.
    pub code: TemplateCode,
    /// The tariff it sets.
    pub tariff: TariffCode,
    /// The APNs it sets.
    pub apns: Vec<ApnCode>,
    /// The bolt-ons it sets.
    pub boltons: Vec<BoltonCode>,
}

/// A kind of support case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketType {
    /// Its code.
    pub code: TicketTypeCode,
    /// Its name.
    pub name: String,
    /// Whether a case of it must carry a file.
    pub needs_file: bool,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The account number.
    pub number: CustomerNumber,
    /// The name.
    pub name: String,
    /// The contracts: code and name.
    pub contracts: Vec<Contract>,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// Its code.
    pub code: ContractCode,
    /// Its name.
    pub name: String,
}

/// A user and what is granted to him. The lists replace what was granted before.
#[derive(Debug, Clone)]
pub struct User {
    /// The log-in name.
    pub username: Username,
    /// The kind.
    pub kind: UserKind,
    /// The password's hash as a PHC string: what is stored when reading; when writing, `None` keeps the stored one.
    pub password_hash: Option<SecretString>,
    /// Granted customers, sorted.
    pub customers: Vec<CustomerNumber>,
    /// Granted bars, sorted.
    pub bars: Vec<BarCode>,
    /// Granted bolt-ons, sorted.
    pub boltons: Vec<BoltonCode>,
}

/// A tenant of the Simple Portal face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name: the first segment of its paths.
    pub name: TenantName,
    /// The domain of its customers' primary mailboxes.
    pub mail_domain: String,
    /// The mail system that carries its mail: a network whose driver is a mail driver.
    pub mail: NetworkCode,
    /// What each mailbox holds, in bytes.
    pub mailbox_bytes: u64,
    /// How many days the mail of a mailbox that was switched off is kept.
    pub mail_kept_days: u16,
    /// Whether it answers paths that name no tenant.
    pub default: bool,
    /// Networks that may call without credentials.
    pub networks: Vec<IpNet>,
    /// The packs it sells, by name.
    pub packs: Vec<PackKind>,
}

impl Tenant {
    /// The pack of this name, in any case of letters.
    pub fn pack(&self, name: &str) -> Option<&PackKind> {
        self.packs.iter().find(|pack| pack.name.as_str().eq_ignore_ascii_case(name))
    }
}

/// A pack that a tenant sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackKind {
    /// Its name as answers spell it.
    pub name: PackName,
    /// What its value means.
    pub kind: PackMeasure,
}

/// A portal customer that exists already, to be adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalAdoption {
    /// The customer.
    pub id: PortalId,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether it has set a password of its own.
    pub own_password: bool,
    /// Its password, where the file says one.
    pub secret: Option<PortalSecret>,
    /// Its packs, by name.
    pub packs: Vec<Pack>,
    /// Its mailboxes.
    pub mailboxes: Vec<Mailbox>,
}
