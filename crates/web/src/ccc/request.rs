//! From the members of a body to a typed order, in two steps: [`Request::read`] checks the types of all members that
//! the method knows (before anybody is signed in), [`Request::order`] what is missing and what is malformed.

use provisor_domain::{CustomerNumber, ServiceSelector, TicketId};
use provisor_engine::{Call, ConnectOrder, Engine, Error, ServiceOrder, SupportOrder};

use super::change;
use super::change::{Change, ChangeRequest};
use super::connect::{self, ConnectRequest};
use super::contracts::{self, ContractsRequest};
use super::error::WireError;
use super::members::Members;
use super::method::Method;
use super::query_service::{self, ServiceRequest};
use super::query_ticket::{self, TicketRequest};
use super::reply::Reply;
use super::support::{self, SupportRequest};

/// A request whose members have the right types.
pub(super) enum Request<'b> {
    Contracts(ContractsRequest<'b>),
    Connect(ConnectRequest<'b>),
    Change(ChangeRequest<'b>),
    Service(ServiceRequest<'b>),
    Ticket(TicketRequest<'b>),
    Support(SupportRequest<'b>),
}

/// What the engine is asked.
pub(super) enum Order {
    Contracts(CustomerNumber),
    Connect(ConnectOrder),
    Change(ServiceSelector, ServiceOrder),
    Service(ServiceSelector),
    Ticket(TicketId),
    Support(SupportOrder),
}

impl<'b> Request<'b> {
    /// Reads the members that `method` knows. An error is always 303.
    pub(super) fn read(method: Method, body: Members<'b>) -> Result<Self, WireError> {
        let change = |change| ChangeRequest::read(change, body).map(Self::Change);
        match method {
            Method::GetContracts => ContractsRequest::read(body).map(Self::Contracts),
            Method::ConnectService => ConnectRequest::read(body).map(Self::Connect),
            Method::DisconnectService => change(Change::Disconnect),
            Method::ChangeServiceName => change(Change::Rename),
            Method::AddBar => change(Change::AddBar),
            Method::RemoveBar => change(Change::RemoveBar),
            Method::QueryService => ServiceRequest::read(body).map(Self::Service),
            Method::QueryTicket => TicketRequest::read(body).map(Self::Ticket),
            Method::AddBolton => change(Change::AddBolton),
            Method::RemoveBolton => change(Change::RemoveBolton),
            Method::ApplyTemplate => change(Change::ApplyTemplate),
            Method::ChangeSim => change(Change::MoveToSim),
            Method::RaiseTicket => SupportRequest::read(body).map(Self::Support),
        }
    }

    /// The order, when nothing is missing (2xx) and nothing malformed (3xx).
    pub(super) fn order(self) -> Result<Order, WireError> {
        match self {
            Self::Contracts(request) => request.order().map(Order::Contracts),
            Self::Connect(request) => request.order().map(Order::Connect),
            Self::Change(request) => {
                request.order().map(|(service, order)| Order::Change(service, order))
            }
            Self::Service(request) => request.order().map(Order::Service),
            Self::Ticket(request) => request.order().map(Order::Ticket),
            Self::Support(request) => request.order().map(Order::Support),
        }
    }
}

impl Order {
    /// Asks the engine, once.
    pub(super) async fn answer(self, engine: &Engine, call: &Call) -> Result<Reply, Error> {
        match self {
            Self::Contracts(customer) => contracts::answer(engine, call, customer).await,
            Self::Connect(order) => connect::answer(engine, call, order).await,
            Self::Change(service, order) => change::answer(engine, call, service, order).await,
            Self::Service(service) => query_service::answer(engine, call, service).await,
            Self::Ticket(id) => query_ticket::answer(engine, call, id).await,
            Self::Support(order) => support::answer(engine, call, order).await,
        }
    }
}
