//! `POST /callbacks/TOKEN`: where networks report what came of a command that they had accepted.
//!
//! The token says which attempt the report is about, and that this installation asked for it; there is no other sign-in.
//! A network that repeats itself gets the same answer again. The token is part of the path, which is in no log.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::routing::any;
use provisor_domain::limits::REPORT_BYTES_MAX;
use provisor_engine::{Engine, Error, ReportTaken};

use crate::kit::Kit;
use crate::kit::answer::{Answer, BUSY_RETRY_SECONDS, Outcome};
use crate::kit::body::BodyError;
use crate::kit::busy::Cause;
use crate::kit::exchange::{Exchange, Trouble, log_fault};

/// The route's name in figures and logs.
const NAME: &str = "callbacks";
const PREFIX: &str = "/callbacks/";

/// The route.
pub(crate) fn routes(kit: Arc<Kit>, engine: Arc<Engine>) -> Router {
    let route = Arc::new(kit.metrics.route(NAME));
    let serve = any(move |request: Request| async move {
        let path = request.uri().path();
        let token = path.strip_prefix(PREFIX).unwrap_or_default().to_owned();
        let work = async |exchange| take(&kit, &engine, &token, exchange).await;
        kit.exchange(&route, voice, request, work).await
    });
    Router::new().route(&format!("{PREFIX}{{token}}"), serve)
}

async fn take(kit: &Kit, engine: &Engine, token: &str, mut exchange: Exchange) -> Answer {
    if exchange.method != Method::POST {
        let allow = HeaderValue::from_static("POST");
        let answer = answer(StatusCode::METHOD_NOT_ALLOWED, Outcome::NoRoute, "not_post");
        return answer.with(header::ALLOW, allow);
    }
    let body = match exchange.body(REPORT_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    match engine.report(token, &body).await {
        Ok(ReportTaken::Yes) => answer(StatusCode::NO_CONTENT, Outcome::Ok, "taken"),
        Ok(ReportTaken::TooLate) => answer(StatusCode::NO_CONTENT, Outcome::Ok, "too_late"),
        Ok(ReportTaken::NotOurs) => {
            answer(StatusCode::NOT_FOUND, Outcome::SignInFailed, "not_ours")
        }
        Ok(ReportTaken::Unreadable) => {
            answer(StatusCode::UNPROCESSABLE_ENTITY, Outcome::Invalid, "unreadable")
        }
        Ok(ReportTaken::NoDriver) => {
            let error = "the network's driver is not there yet";
            kit.busy(exchange.route, &exchange.id, Cause::Driver, &error);
            busy("no_driver")
        }
        Err(Error::Busy(error)) => {
            kit.busy(exchange.route, &exchange.id, (&error).into(), &error);
            busy("busy")
        }
        Err(error @ (Error::Refused(_) | Error::Fault(_))) => {
            log_fault(&exchange, &error);
            answer(StatusCode::INTERNAL_SERVER_ERROR, Outcome::Fault, "fault")
        }
    }
}

fn unread(error: BodyError) -> Answer {
    let status = match error {
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
        BodyError::Broken => StatusCode::BAD_REQUEST,
    };
    answer(status, Outcome::Invalid, "no_body")
}

fn voice(trouble: Trouble) -> Answer {
    match trouble {
        Trouble::Throttled { seconds } => {
            answer(StatusCode::TOO_MANY_REQUESTS, Outcome::Throttled, "throttled")
                .with(header::RETRY_AFTER, seconds.into())
        }
        Trouble::Overloaded | Trouble::Deadline => busy("busy"),
        Trouble::Panicked => answer(StatusCode::INTERNAL_SERVER_ERROR, Outcome::Fault, "fault"),
    }
}

fn busy(code: &'static str) -> Answer {
    answer(StatusCode::SERVICE_UNAVAILABLE, Outcome::Unavailable, code)
        .with(header::RETRY_AFTER, BUSY_RETRY_SECONDS.into())
}

/// An answer whose status says it all.
fn answer(status: StatusCode, outcome: Outcome, code: &'static str) -> Answer {
    let ok = status.is_success();
    let body = match status {
        StatusCode::NO_CONTENT => Vec::new(),
        _ => format!(r#"{{"ok":{ok},"code":"{code}"}}"#).into_bytes(),
    };
    Answer { status, outcome, code, ..Answer::json(body) }
}
