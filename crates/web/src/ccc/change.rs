//! Everything that changes a service there is: `disconnectService`, `changeServiceName`, `addBar`, `removeBar`
//! (document, sections 3 to 6), `addBolton`, `removeBolton`, `applyTemplate`, `changeSIM`.
//!
//! They differ in one member beside `service`.

use provisor_domain::{Iccid, Name, ServiceSelector};
use provisor_engine::{Call, Engine, Error, ServiceOrder};

use super::code::Code;
use super::error::WireError;
use super::lookup::{self, ServiceMember};
use super::members::Members;
use super::reply::Reply;

/// Which change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Disconnect,
    Rename,
    AddBar,
    RemoveBar,
    AddBolton,
    RemoveBolton,
    ApplyTemplate,
    MoveToSim,
}

pub(super) struct ChangeRequest<'b> {
    change: Change,
    service: Option<ServiceMember<'b>>,
    /// The other member.
    to: Option<&'b str>,
}

impl<'b> ChangeRequest<'b> {
    pub(super) fn read(change: Change, body: Members<'b>) -> Result<Self, WireError> {
        let to = match change {
            // The document's table demands `newSIM` here, its example has none: it is not looked at.
            Change::Disconnect => None,
            Change::Rename => body.text("newName")?,
            Change::AddBar | Change::RemoveBar => body.identifier("barCode")?,
            Change::AddBolton | Change::RemoveBolton => body.identifier("boltonCode")?,
            Change::ApplyTemplate => body.identifier("templateCode")?,
            Change::MoveToSim => body.identifier("newSIM")?,
        };
        Ok(Self { change, service: ServiceMember::read(body)?, to })
    }

    pub(super) fn order(self) -> Result<(ServiceSelector, ServiceOrder), WireError> {
        let service = self.service.ok_or_else(|| WireError::of(Code::ServiceMissing))?;
        let to = |missing| self.to.ok_or_else(|| WireError::of(missing));
        let bar = || lookup::code(to(Code::BarMissing)?, Code::BarNotPermitted);
        let bolton = || lookup::code(to(Code::BoltonMissing)?, Code::BoltonNotPermitted);
        let order = match self.change {
            Change::Disconnect => ServiceOrder::Disconnect,
            Change::Rename => ServiceOrder::Rename(name(to(Code::NewNameMissing)?)?),
            Change::AddBar => ServiceOrder::AddBar(bar()?),
            Change::RemoveBar => ServiceOrder::RemoveBar(bar()?),
            Change::AddBolton => ServiceOrder::AddBolton(bolton()?),
            Change::RemoveBolton => ServiceOrder::RemoveBolton(bolton()?),
            Change::ApplyTemplate => {
                let template = to(Code::TemplateMissing)?;
                ServiceOrder::ApplyTemplate(lookup::code(template, Code::TemplateNotFound)?)
            }
            Change::MoveToSim => ServiceOrder::ChangeSim(sim(to(Code::NewSimMissing)?)?),
        };
        Ok((service.selector()?, order))
    }
}

fn name(raw: &str) -> Result<Name, WireError> {
    raw.parse().map_err(|_| WireError::of(Code::NewNameInvalid))
}

fn sim(raw: &str) -> Result<Iccid, WireError> {
    raw.parse().map_err(|_| WireError::of(Code::NewSimInvalid))
}

pub(super) async fn answer(
    engine: &Engine,
    call: &Call,
    service: ServiceSelector,
    order: ServiceOrder,
) -> Result<Reply, Error> {
    Ok(Reply::raised(engine.change_service(call, service, order).await?))
}
