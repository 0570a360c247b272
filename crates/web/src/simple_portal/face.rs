//! One call of a function, from the path to the answer: the face's order of checks.
//!
//! Shape of the path, method, tenant, maintenance, who may call, ParCustId and HASH, pack, value; then the engine. The
//! request's own URI goes at the door: nothing behind it ever sees what was sent as HASH.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use provisor_domain::catalogue::Tenant;
use provisor_domain::limits::{BODY_BYTES_MAX, SETTLE_WAIT_MILLIS};
use provisor_domain::portal::{Pack, PackValue, RequestState};
use provisor_domain::store::PortalFound;
use provisor_engine::{BackEndError, Engine, Error, PortalCall, PortalOrder};
use tokio::sync::Semaphore;

use super::complaint::{Complaint, voice};
use super::path::{self, Ask, Function, PackText, Path, Reading};
use super::preferences::{Language, responds_async};
use super::reply::{self, Form, NOT_STORED};
use super::shown;
use super::words::Word;
use crate::kit::Kit;
use crate::kit::answer::Answer;
use crate::kit::busy::Cause;
use crate::kit::exchange::{Exchange, log_fault};
use crate::kit::figures::Route;

/// The Simple Portal face.
pub(crate) struct Face {
    kit: Arc<Kit>,
    engine: Arc<Engine>,
    /// In the order of [`Function::ALL`].
    routes: [Route; Function::ALL.len()],
    nowhere: Route,
    /// Places for calls that wait for the end of their change.
    waits: Semaphore,
}

/// Of the requests that may be worked on at once, those that wait for a mail system are at most one in so many: what waits
/// keeps its place, and the other calls, of whatever face, must find one.
const WAITS_ONE_IN: usize = 4;

/// A request for this face, without its URI.
pub(crate) struct Knock {
    reading: Reading,
    request: Request,
}

impl Knock {
    /// Takes the URI out of a request for this face; any other is given back as it is.
    #[expect(clippy::result_large_err, reason = "what is given back is handed on at once")]
    pub(crate) fn at(mut request: Request) -> Result<Self, Request> {
        let Some(reading) = path::read(request.uri().path()) else { return Err(request) };
        *request.uri_mut() = reading.redacted();
        Ok(Self { reading, request })
    }
}

/// Why what was asked for is not answered.
enum Stopped {
    /// The face says no.
    Said(Complaint),
    /// The engine does.
    Engine(Error),
}

impl<C: Into<Complaint>> From<C> for Stopped {
    fn from(complaint: C) -> Self {
        Self::Said(complaint.into())
    }
}

/// What the engine is asked.
enum Order {
    Status,
    Packs,
    Mailboxes,
    Change(PortalOrder),
}

impl Face {
    pub(crate) fn new(kit: Arc<Kit>, engine: Arc<Engine>) -> Self {
        let routes = Function::ALL.map(|function| kit.metrics.route(function.name()));
        let nowhere = kit.metrics.route("none");
        let waits = (kit.limits.requests_in_flight_max / WAITS_ONE_IN).min(Semaphore::MAX_PERMITS);
        Self { kit, engine, routes, nowhere, waits: Semaphore::new(waits) }
    }

    /// Answers.
    pub(crate) async fn answer(&self, knock: Knock) -> Response {
        let Knock { reading, request } = knock;
        let language = Language::of(request.headers());
        let (route, path) = match reading {
            Reading::Known(path) => (&self.routes[path.ask.function() as usize], Some(path)),
            Reading::Unknown => (&self.nowhere, None),
        };
        let work = async |mut exchange: Exchange| {
            let answer = match path {
                Some(path) => self.call(path, &mut exchange).await,
                None => Err(Word::NoSuchPath.into()),
            };
            answer.unwrap_or_else(|stopped| self.complaint(stopped, &exchange).answer(language))
        };
        self.kit.exchange(route, voice(language), request, work).await
    }

    async fn call(&self, path: Path, exchange: &mut Exchange) -> Result<Answer, Stopped> {
        let function = path.ask.function();
        if let Some(answer) = by_method(function, &exchange.method)? {
            return Ok(answer);
        }
        let tenant = self.tenant(path.tenant.as_deref()).await?;
        if self.engine.in_maintenance().await.map_err(Stopped::Engine)? {
            return Err(Word::Maintenance.into());
        }
        exchange.body(BODY_BYTES_MAX).await?;
        let shown = shown::read(&exchange.headers);
        // Behind a proxy that nobody vouches for, everybody would seem to come from where the proxy is.
        let source = exchange.vouched.then_some(exchange.source);
        let back_end = self.engine.sign_in().back_end(&tenant, shown, source).await;
        let back_end = back_end.map_err(|error| self.not_let_in(error, exchange))?;
        if function.changes() && !back_end.may_write {
            return Err(Word::ReadOnly.into());
        }
        if function.changes() && !back_end.shown && from_a_page(&exchange.headers) {
            return Err(Word::FromAPage.into());
        }
        let customer = path.customer.map_err(|_| Word::ParCustIdInvalid)?;
        let form = Form::of(&exchange.headers);
        let call = PortalCall {
            tenant: tenant.clone(),
            customer,
            actor: back_end.actor,
            request_id: Some(exchange.id.to_string()),
        };
        match order(path.ask, &tenant)? {
            Order::Change(order) => {
                let at_once = responds_async(&exchange.headers);
                self.change(&call, order, form, at_once).await
            }
            Order::Status => Ok(reply::status(form, &call.customer, &self.found(&call).await?)),
            Order::Packs => Ok(reply::packs(form, &call.customer, &self.known(&call).await?)),
            Order::Mailboxes => {
                Ok(reply::mailboxes(form, &call.customer, &self.known(&call).await?))
            }
        }
    }

    async fn tenant(&self, name: Option<&str>) -> Result<Arc<Tenant>, Stopped> {
        let tenants = self.engine.tenants().await.map_err(Stopped::Engine)?;
        let tenant = match name {
            Some(name) => tenants.named(name).ok_or(Word::NoSuchTenant),
            None => tenants.default_one().ok_or(Word::NoDefaultTenant),
        };
        Ok(tenant?)
    }

    /// What the caller is told who was not let in.
    fn not_let_in(&self, error: BackEndError, exchange: &Exchange) -> Stopped {
        match error {
            BackEndError::Needed if exchange.vouched => Word::CredentialsNeeded.into(),
            BackEndError::Needed => Word::CredentialsNeededBehindProxy.into(),
            BackEndError::Failed => Word::SignInFailed.into(),
            BackEndError::Foreign => Word::NotForTenant.into(),
            BackEndError::Busy => {
                self.kit.busy(exchange.route, &exchange.id, Cause::SignIn, &error);
                Word::Busy.into()
            }
            BackEndError::Store(error) => Stopped::Engine(error.into()),
        }
    }

    async fn found(&self, call: &PortalCall) -> Result<PortalFound, Stopped> {
        self.engine.portal_customer(&call.id()).await.map_err(Stopped::Engine)
    }

    /// A customer that is there, or will be: its first enable is pending.
    async fn known(&self, call: &PortalCall) -> Result<PortalFound, Stopped> {
        let found = self.found(call).await?;
        if found.customer.is_none() && found.open_ticket.is_none() {
            return Err(Word::CustomerNotFound.into());
        }
        Ok(found)
    }

    async fn change(
        &self,
        call: &PortalCall,
        order: PortalOrder,
        form: Form,
        at_once: bool,
    ) -> Result<Answer, Stopped> {
        let raised = self.engine.change_portal_customer(call, order).await;
        let ticket = raised.map_err(Stopped::Engine)?.ticket;
        let place = if at_once { None } else { self.waits.try_acquire().ok() };
        let patience = Duration::from_millis(place.as_ref().map_or(0, |_| SETTLE_WAIT_MILLIS));
        let request = self.engine.portal_request(ticket, patience).await;
        drop(place);
        let request = request.map_err(Stopped::Engine)?;
        if at_once {
            // It may be over already. But what came of it was not asked for, and the answer must not depend on who was faster.
            return Ok(reply::at_once(reply::requested(form, &call.customer, &request)));
        }
        if request.state == RequestState::Failed {
            return Err(Complaint::failed(&request).into());
        }
        Ok(reply::requested(form, &call.customer, &request))
    }

    /// What the caller is told. Faults are logged here, once, and not explained.
    fn complaint(&self, stopped: Stopped, exchange: &Exchange) -> Complaint {
        match stopped {
            Stopped::Said(complaint) => complaint,
            Stopped::Engine(Error::Refused(refusal)) => refusal.into(),
            Stopped::Engine(Error::Busy(error)) => {
                self.kit.busy(exchange.route, &exchange.id, (&error).into(), &error);
                Word::Busy.into()
            }
            Stopped::Engine(Error::Fault(error)) => {
                log_fault(exchange, &error);
                Word::Internal.into()
            }
        }
    }
}

/// What a method does here. `None` when it asks for the function itself.
fn by_method(function: Function, method: &Method) -> Result<Option<Answer>, Complaint> {
    let allowed = HeaderValue::from_static(if function.changes() {
        "GET, POST, OPTIONS"
    } else {
        "GET, HEAD, POST, OPTIONS"
    });
    match *method {
        Method::GET | Method::POST => Ok(None),
        Method::HEAD if !function.changes() => Ok(None),
        Method::OPTIONS => {
            let nothing = Answer { status: StatusCode::NO_CONTENT, ..Answer::json(Vec::new()) };
            let (name, value) = NOT_STORED;
            Ok(Some(nothing.with(header::ALLOW, allowed).with(name, value)))
        }
        _ => Err(Complaint::no_method(allowed)),
    }
}

/// The order, when what it is given is what it must be.
fn order(ask: Ask, tenant: &Tenant) -> Result<Order, Complaint> {
    Ok(match ask {
        Ask::Status => Order::Status,
        Ask::Packs => Order::Packs,
        Ask::Mailboxes => Order::Mailboxes,
        Ask::Enable(hash) => {
            Order::Change(PortalOrder::Enable(hash.map_err(|_| Word::HashInvalid)?))
        }
        Ask::Disable => Order::Change(PortalOrder::Disable),
        Ask::PackEnable(text) => Order::Change(PortalOrder::PackEnable(pack(&text, tenant)?)),
        Ask::PackDisable(text) => {
            Order::Change(PortalOrder::PackDisable(pack_of_customer(&text, tenant)?))
        }
    })
}

/// Whether a browser sends the request on behalf of some page (W3C Fetch Metadata). Who sits on an allowed network may have
/// any page of the web open, and it must not act for him; what he types into the address line is his own doing.
fn from_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "none") || headers.contains_key(header::ORIGIN)
}

fn pack(text: &PackText, tenant: &Tenant) -> Result<Pack, Complaint> {
    let sold = tenant.pack(&text.pack).ok_or(Word::PackNotFound)?;
    let value = PackValue::parse(sold.kind, &text.value);
    let value = value.map_err(|_| Complaint::value(sold.kind))?;
    Ok(Pack { name: sold.name.clone(), value })
}

/// A pack to be ended. The customer may have it although the tenant does not sell it any more, or measures it otherwise.
fn pack_of_customer(text: &PackText, tenant: &Tenant) -> Result<Pack, Complaint> {
    let sold = tenant.pack(&text.pack);
    let name = match sold {
        Some(kind) => kind.name.clone(),
        None => text.pack.parse().map_err(|_| Word::PackNotFound)?,
    };
    let value = PackValue::of_any(&text.value).map_err(|_| match sold {
        Some(kind) => Complaint::value(kind.kind),
        None => Word::PackNotFound.into(),
    })?;
    Ok(Pack { name, value })
}
