//! One call of a method, from the body to the answer, in the contract's order of checks (section 1.3).

use std::sync::Arc;

use axum::extract::Request as HttpRequest;
use axum::http::Method as Verb;
use axum::response::Response;
use provisor_domain::limits::BODY_BYTES_MAX;
use provisor_domain::store::Idempotency;
use provisor_engine::{Call, Engine, Error, SignInError};
use secrecy::SecretString;

use super::code::Code;
use super::error::{WireError, voice};
use super::idempotency;
use super::json;
use super::members::Members;
use super::method::Method;
use super::request::Request;
use crate::kit::Kit;
use crate::kit::answer::Answer;
use crate::kit::busy::Cause;
use crate::kit::exchange::{Exchange, log_fault};
use crate::kit::figures::Route;

/// The CCC face.
pub(super) struct Face {
    pub(super) kit: Arc<Kit>,
    pub(super) engine: Arc<Engine>,
}

/// Every path that is nobody's.
pub(crate) struct Nowhere {
    kit: Arc<Kit>,
    route: Route,
}

impl Nowhere {
    pub(crate) fn new(kit: Arc<Kit>) -> Self {
        let route = kit.metrics.route("none");
        Self { kit, route }
    }

    /// Answers that there is no such method.
    pub(crate) async fn answer(&self, request: HttpRequest) -> Response {
        let work = async |_| WireError::of(Code::UnknownMethod).into();
        self.kit.exchange(&self.route, voice, request, work).await
    }
}

/// The `user` member.
struct User<'b> {
    name: Option<&'b str>,
    password: Option<SecretString>,
}

impl<'b> User<'b> {
    fn read(body: Members<'b>) -> Result<Self, WireError> {
        let Some(user) = body.object("user")? else {
            return Ok(Self { name: None, password: None });
        };
        let (name, password) = (user.text("username")?, user.text("password")?);
        Ok(Self { name, password: password.map(SecretString::from) })
    }
}

impl Face {
    /// Answers a request on one of the paths of `method`.
    pub(super) async fn serve(
        &self,
        method: Method,
        route: &Route,
        request: HttpRequest,
    ) -> Response {
        let work = async |mut exchange: Exchange| match self.call(method, &mut exchange).await {
            Ok(answer) => answer,
            Err(error) => error.into(),
        };
        self.kit.exchange(route, voice, request, work).await
    }

    async fn call(&self, method: Method, exchange: &mut Exchange) -> Result<Answer, WireError> {
        if exchange.method != Verb::POST {
            return Err(WireError::not_post());
        }
        let maintenance = self.engine.in_maintenance().await;
        if maintenance.map_err(|error| self.refused(error, exchange))? {
            return Err(WireError::maintenance());
        }
        let bytes = exchange.body(BODY_BYTES_MAX).await?;
        let bytes = method.mended(bytes);
        let list = json::read(&bytes)?;
        let body = Members::new(&list);
        let user = User::read(body)?;
        let request = Request::read(method, body)?;
        let key = idempotency::key(method, &exchange.headers)?;

        let sign_in = self.engine.sign_in();
        let caller = sign_in.sign_in(user.name, user.password.as_ref(), exchange.source).await;
        let caller = caller.map_err(|error| self.not_signed_in(error, exchange))?;
        if method.raises_ticket() && !caller.may_write() {
            return Err(WireError::of(Code::SignInFailed));
        }
        let order = request.order()?;
        let idempotency = key.map(|key| Idempotency {
            key: key.to_owned(),
            method: method.name(),
            fingerprint: idempotency::fingerprint(method, body),
            user: caller.scope().user,
        });
        let request_id = method.raises_ticket().then(|| exchange.id.to_string());
        let call = Call { caller, request_id, idempotency };
        let reply = order.answer(&self.engine, &call).await;
        reply.map(Answer::from).map_err(|error| self.refused(error, exchange))
    }

    /// What the caller is told when nobody was signed in.
    fn not_signed_in(&self, error: SignInError, exchange: &Exchange) -> WireError {
        match error {
            SignInError::Failed => WireError::of(Code::SignInFailed),
            SignInError::Busy => {
                self.kit.busy(exchange.route, &exchange.id, Cause::SignIn, &error);
                WireError::busy()
            }
            SignInError::Store(error) => self.refused(error.into(), exchange),
        }
    }

    /// What the caller is told when the engine did not do it. Faults are logged here, once, and not explained.
    fn refused(&self, error: Error, exchange: &Exchange) -> WireError {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Busy(error) => {
                self.kit.busy(exchange.route, &exchange.id, (&error).into(), &error);
                WireError::busy()
            }
            Error::Fault(error) => {
                log_fault(exchange, &error);
                WireError::of(Code::Internal)
            }
        }
    }
}

/// For fuzzing: reads `bytes` as the body of every method, without an engine behind it, and asserts what reading
/// promises.
///
/// # Panics
/// When the face has a fault: on no input otherwise.
pub fn fuzz_body(bytes: &[u8]) {
    let list = match json::read(bytes) {
        Ok(list) => list,
        Err(error) => return assert!(error.message().starts_with("Request invalid: ")),
    };
    let body = Members::new(&list);
    let _ = User::read(body);
    for method in Method::ALL {
        assert_eq!(
            idempotency::fingerprint(method, body),
            idempotency::fingerprint(method, body),
            "the same request has two fingerprints"
        );
        match Request::read(method, body) {
            Ok(request) => drop(request.order()),
            Err(error) => assert!(error.message().starts_with("Request invalid: ")),
        }
    }
}
