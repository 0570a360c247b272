//! `queryService`: a service, and what its network says (document, section 7).

use jiff::Timestamp;
use provisor_domain::{
    ContractCode, CustomerNumber, Iccid, Msisdn, NetworkCode, ServiceCode, ServiceSelector,
};
use provisor_engine::{Call, Engine, Error};
use serde::Serialize;

use super::code::Code;
use super::error::WireError;
use super::lookup::ServiceMember;
use super::members::Members;
use super::reply::{Reply, Shown};

pub(super) struct ServiceRequest<'b> {
    service: Option<ServiceMember<'b>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    service: Service<'a>,
}

#[derive(Serialize)]
struct Service<'a> {
    nina: Nina<'a>,
    network: Network,
}

/// The documented members, in the document's order. Never more.
#[derive(Serialize)]
struct Nina<'a> {
    code: Shown<ServiceCode>,
    name: &'a str,
    status_code: &'static str,
    cli: Option<Shown<&'a Msisdn>>,
    sim: Shown<&'a Iccid>,
    network: Shown<&'a NetworkCode>,
    contract: Shown<&'a ContractCode>,
    customer: Shown<&'a CustomerNumber>,
}

/// What the network said, and when.
#[derive(Serialize)]
struct Network {
    status: &'static str,
    checked: Shown<Timestamp>,
}

impl<'b> ServiceRequest<'b> {
    pub(super) fn read(body: Members<'b>) -> Result<Self, WireError> {
        Ok(Self { service: ServiceMember::read(body)? })
    }

    pub(super) fn order(self) -> Result<ServiceSelector, WireError> {
        self.service.ok_or_else(|| WireError::of(Code::ServiceMissing))?.selector()
    }
}

pub(super) async fn answer(
    engine: &Engine,
    call: &Call,
    selector: ServiceSelector,
) -> Result<Reply, Error> {
    let view = engine.service(&call.caller, selector).await?;
    let service = &view.service;
    let nina = Nina {
        code: Shown(service.code),
        name: service.name.as_str(),
        status_code: view.status().as_str(),
        cli: service.cli.as_ref().map(Shown),
        sim: Shown(&service.iccid),
        network: Shown(&service.network),
        contract: Shown(&service.contract),
        customer: Shown(&service.customer),
    };
    let network =
        Network { status: view.network.status.as_str(), checked: Shown(view.network.checked) };
    Ok(Reply::json(&Answer { ok: true, service: Service { nina, network } }))
}
