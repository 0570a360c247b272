//! `queryService`: a service, and what its network says (document, section 7).

use jiff::Timestamp;
use provisor_domain::{Msisdn, ServiceCode, ServiceSelector};
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
    cli: Option<&'a str>,
    sim: &'a str,
    network: &'a str,
    contract: &'a str,
    customer: &'a str,
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
        cli: service.cli.as_ref().map(Msisdn::as_str),
        sim: service.iccid.as_str(),
        network: service.network.as_str(),
        contract: service.contract.as_str(),
        customer: service.customer.as_str(),
    };
    let network =
        Network { status: view.network.status.as_str(), checked: Shown(view.network.checked) };
    Ok(Reply::json(&Answer { ok: true, service: Service { nina, network } }))
}
