//! `queryTicket`: where a ticket or support case stands (contract, section 1.4).

use jiff::Timestamp;
use provisor_domain::store::TicketFound;
use provisor_domain::support_case::SupportCase;
use provisor_domain::ticket::Ticket;
use provisor_domain::{Iccid, Msisdn, OrderKind, ServiceCode, TicketId, TicketState};
use provisor_engine::{Call, Engine, Error};
use serde::Serialize;

use super::code::Code;
use super::error::WireError;
use super::lookup;
use super::members::Members;
use super::method::Method;
use super::reply::{Reply, Shown};
use crate::kit::answer::one_line;

pub(super) struct TicketRequest<'b> {
    id: Option<&'b str>,
}

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    ticket: Shape<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shape<'a> {
    id: Shown<TicketId>,
    status: &'static str,
    r#type: &'static str,
    code: Option<Shown<ServiceCode>>,
    cli: Option<Shown<&'a Msisdn>>,
    sim: Option<Shown<&'a Iccid>>,
    raised: Shown<Timestamp>,
    finished: Option<Shown<Timestamp>>,
    error_code: Option<&'static str>,
    error_message: Option<String>,
}

impl<'b> TicketRequest<'b> {
    pub(super) fn read(body: Members<'b>) -> Result<Self, WireError> {
        let ticket = body.object("ticket")?;
        let id = ticket.map(|ticket| ticket.identifier("id")).transpose()?;
        Ok(Self { id: id.flatten() })
    }

    pub(super) fn order(self) -> Result<TicketId, WireError> {
        lookup::ticket(self.id.ok_or_else(|| WireError::of(Code::TicketMissing))?)
    }
}

pub(super) async fn answer(engine: &Engine, call: &Call, id: TicketId) -> Result<Reply, Error> {
    let found = engine.ticket(&call.caller, id).await?;
    let ticket = match &found {
        TicketFound::Ticket(ticket) => of_ticket(ticket),
        TicketFound::Case(case) => of_case(case),
    };
    Ok(Reply::json(&Answer { ok: true, ticket }))
}

fn of_ticket(ticket: &Ticket) -> Shape<'_> {
    // A reason is shown once it is the last word: an attempt that will be repeated is nobody's business.
    let last = matches!(ticket.state, TicketState::Failed | TicketState::Cancelled);
    let failure = ticket.failure.as_ref().filter(|_| last);
    let failed = ticket.state == TicketState::Failed;
    Shape {
        id: Shown(ticket.id),
        status: status(ticket.state),
        r#type: type_word(ticket.kind),
        code: ticket.about.service().map(Shown),
        cli: ticket.about.cli().map(Shown),
        sim: ticket.about.iccid().map(Shown),
        raised: Shown(ticket.raised),
        finished: ticket.finished.map(Shown),
        error_code: failed.then_some(Code::Internal.row().number),
        error_message: failure.map(|failure| one_line(&failure.reason)),
    }
}

fn of_case(case: &SupportCase) -> Shape<'_> {
    let state = if case.closed.is_some() { TicketState::Completed } else { TicketState::Running };
    Shape {
        id: Shown(case.id),
        status: status(state),
        r#type: Method::RaiseTicket.name(),
        code: case.service.map(Shown),
        cli: None,
        sim: None,
        raised: Shown(case.raised),
        finished: case.closed.map(Shown),
        error_code: None,
        error_message: None,
    }
}

/// The word of this face for what a ticket orders. One that repairs what the network has is raised by no method.
fn type_word(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Reassert => "reassertService",
        kind => Method::that_raises(kind).map_or("none", Method::name),
    }
}

/// The word of this face for a ticket's state.
fn status(state: TicketState) -> &'static str {
    match state {
        TicketState::Pending | TicketState::Running | TicketState::Unknown => "Processing",
        TicketState::Completed => "Completed",
        TicketState::Failed => "Failed",
        TicketState::Cancelled => "Cancelled",
    }
}
