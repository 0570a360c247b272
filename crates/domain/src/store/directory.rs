//! The directory part of the port: what a caller may see, and the facts an order is decided on.
//!
//! Every question carries the caller's [`Scope`]; what lies outside is answered like what does not exist.

use async_trait::async_trait;

use super::{Opened, StoreError};
use crate::support_case::{NewSupportCase, SupportCase};
use crate::ticket::Ticket;
use crate::{
    ApnCode, BarCode, BoltonCode, ContractCode, CustomerNumber, Iccid, Imsi, Msisdn, Name,
    NetworkCode, Scope, Service, ServiceCode, ServiceSelector, ServiceStatus, SimRecord,
    TariffCode, TemplateCode, TicketId, TicketTypeCode,
};

/// An idempotency key as the caller sent it, together with what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key.
    pub key: String,
    /// The method it belongs to.
    pub method: &'static str,
    /// A digest of the whole request, credentials left out.
    pub fingerprint: [u8; 32],
    /// Whose key it is.
    pub user: crate::UserId,
}

/// What an idempotency key stands for already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// The same request: it raised this ticket.
    Ticket(TicketId),
    /// Another request.
    Other,
}

/// A contract as its customer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractSummary {
    /// Its code.
    pub code: ContractCode,
    /// Its name.
    pub name: String,
    /// How many of its services are live.
    pub active_services: u64,
}

/// A service as its customer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSummary {
    /// Its code.
    pub code: ServiceCode,
    /// Its name.
    pub name: Name,
    /// Where it stands.
    pub status: ServiceStatus,
    /// Its number.
    pub cli: Option<Msisdn>,
    /// Its SIM.
    pub iccid: Iccid,
    /// The identity of its SIM, where it was asked for.
    pub imsi: Option<Imsi>,
    /// The network that carries it.
    pub network: NetworkCode,
    /// The contract it is billed under.
    pub contract: ContractCode,
    /// The customer it belongs to.
    pub customer: CustomerNumber,
}

impl ServiceSummary {
    /// What is seen of `service`, whose SIM has this identity.
    pub fn of(service: Service, imsi: Option<Imsi>) -> Self {
        Self {
            code: service.code,
            name: service.name,
            status: service.status,
            cli: service.cli,
            iccid: service.iccid,
            imsi,
            network: service.network,
            contract: service.contract,
            customer: service.customer,
        }
    }
}

/// What a selector found within a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceFound<T = Service> {
    /// Nothing that this caller may know of.
    Absent,
    /// A service under a granted customer, but outside the user's kind.
    OutsideKind,
    /// This one.
    Found(Box<T>),
}

impl<T> ServiceFound<T> {
    /// A service under a granted customer: this one, if the user's kind reaches it.
    pub fn within(reached: bool, service: T) -> Self {
        if reached { Self::Found(Box::new(service)) } else { Self::OutsideKind }
    }

    /// The same with what `see` makes of the service.
    pub fn map<S>(self, see: impl FnOnce(T) -> S) -> ServiceFound<S> {
        match self {
            Self::Absent => ServiceFound::Absent,
            Self::OutsideKind => ServiceFound::OutsideKind,
            Self::Found(service) => ServiceFound::Found(Box::new(see(*service))),
        }
    }
}

/// A SIM and what holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimFacts {
    /// The SIM.
    pub sim: SimRecord,
    /// The ticket that is open for it.
    pub open_ticket: Option<TicketId>,
}

/// What a connect order names.
#[derive(Debug, Clone)]
pub struct ConnectAsk {
    /// Whose eyes.
    pub scope: Scope,
    /// The SIM.
    pub iccid: Iccid,
    /// The contract.
    pub contract: ContractCode,
    /// The tariff.
    pub tariff: TariffCode,
    /// The APNs.
    pub apns: Vec<ApnCode>,
    /// The idempotency key, if one was sent.
    pub idempotency: Option<Idempotency>,
}

/// What there is of it. One consistent read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectFacts {
    /// What the idempotency key stands for.
    pub earlier: Option<Earlier>,
    /// The customer of the contract, when contract and customer are granted.
    pub contract_customer: Option<CustomerNumber>,
    /// The SIM, when its customer is granted.
    pub sim: Option<SimFacts>,
    /// The network of the tariff.
    pub tariff_network: Option<NetworkCode>,
    /// The network of each APN, in the order asked.
    pub apn_networks: Vec<Option<NetworkCode>>,
}

/// What an order for an existing service names besides the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeAbout {
    /// Nothing.
    Nothing,
    /// A bar.
    Bar(BarCode),
    /// A bolt-on.
    Bolton(BoltonCode),
    /// A template.
    Template(TemplateCode),
    /// A SIM to move to.
    NewSim(Iccid),
}

/// What an order for an existing service names.
#[derive(Debug, Clone)]
pub struct ChangeAsk {
    /// Whose eyes.
    pub scope: Scope,
    /// The service.
    pub selector: ServiceSelector,
    /// What else.
    pub about: ChangeAbout,
    /// The idempotency key, if one was sent.
    pub idempotency: Option<Idempotency>,
}

/// What there is of it. One consistent read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFacts {
    /// What the idempotency key stands for.
    pub earlier: Option<Earlier>,
    /// The service.
    pub service: ServiceFound,
    /// Its SIM; present when the service was found.
    pub sim: Option<SimFacts>,
    /// What else was named, where there is such a thing for this caller.
    pub products: Products,
}

/// The facts about what a change names besides the service. `None` inside: no such thing for this caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Products {
    /// Nothing was asked.
    Nothing,
    /// A bar that is granted.
    Bar(Option<BarFacts>),
    /// A bolt-on that is granted: its network.
    Bolton(Option<NetworkCode>),
    /// A template.
    Template(Option<TemplateFacts>),
    /// A SIM whose customer is granted.
    NewSim(Option<SimFacts>),
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarFacts {
    /// The network that has it.
    pub network: NetworkCode,
    /// Whether it suspends.
    pub suspends: bool,
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFacts {
    /// The network of its tariff.
    pub network: NetworkCode,
    /// Its tariff.
    pub tariff: TariffCode,
    /// Its APNs.
    pub apns: Vec<ApnCode>,
    /// Its bolt-ons.
    pub boltons: Vec<BoltonCode>,
}

/// What a ticket number stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketFound {
    /// A ticket.
    Ticket(Box<Ticket>),
    /// A support case.
    Case(SupportCase),
}

/// Questions of callers.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The contracts of a customer, by code. Empty when the customer is unknown, not granted, or has none. At most
    /// [`CONTRACTS_PER_CUSTOMER_MAX`](crate::limits::CONTRACTS_PER_CUSTOMER_MAX).
    async fn contract_list(
        &self,
        scope: Scope,
        customer: CustomerNumber,
    ) -> Result<Vec<ContractSummary>, StoreError>;

    /// The service a selector names, with the identity of its SIM when `imsi` says so: that is another row to read.
    async fn service_find(
        &self,
        scope: Scope,
        selector: ServiceSelector,
        imsi: bool,
    ) -> Result<ServiceFound<ServiceSummary>, StoreError>;

    /// The facts a connect order is decided on.
    async fn connect_facts(&self, ask: ConnectAsk) -> Result<ConnectFacts, StoreError>;

    /// The facts an order for an existing service is decided on.
    async fn change_facts(&self, ask: ChangeAsk) -> Result<ChangeFacts, StoreError>;

    /// The ticket or support case with this number, when its customer is granted and, for a user who is not of kind
    /// account, its service (or, before there is one, its raiser) is the user's own.
    async fn ticket_find(
        &self,
        scope: Scope,
        id: TicketId,
    ) -> Result<Option<TicketFound>, StoreError>;

    /// Whether cases of this type need a file; `None` when there is no such type.
    async fn ticket_type_find(&self, code: TicketTypeCode) -> Result<Option<bool>, StoreError>;

    /// Writes a support case down and numbers it. It locks nothing: never [`Opened::Busy`] or [`Opened::Stale`].
    async fn support_case_open(&self, case: NewSupportCase) -> Result<Opened, StoreError>;
}
