//! One request on its way through what all faces share.
//!
//! The order: request id, the caller's address, rate limit, room, then the face's own work under the request's
//! deadline and with panics caught; then figures, one log line at debug level, and the answer as HTTP.

use std::fmt::Display;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use prometheus_client::metrics::gauge::Gauge;

use super::answer::Answer;
use super::body::{self, BodyError};
use super::busy::Cause;
use super::figures::Route;
use super::request_id::{self, RequestId};
use super::{Kit, client};

/// What keeps a face from acting at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The source network sends too many requests: come back after so many seconds.
    Throttled { seconds: u64 },
    /// Too many requests are being worked on.
    Overloaded,
    /// The request took too long.
    Deadline,
    /// The face panicked.
    Panicked,
}

/// How a face puts trouble into its own words.
pub(crate) type Voice = fn(Trouble) -> Answer;

/// A request as a face gets it.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The route's name.
    pub(crate) route: &'static str,
    /// The request's id.
    pub(crate) id: RequestId,
    /// Where it comes from.
    pub(crate) source: IpAddr,
    /// Whether it is known to come from there: see [`client::Origin`].
    pub(crate) vouched: bool,
    /// Its verb.
    pub(crate) method: Method,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    body: Body,
    body_deadline: Duration,
}

impl Exchange {
    /// The body, at most `bytes_max` long. To be read once; afterwards it is empty.
    pub(crate) async fn body(&mut self, bytes_max: usize) -> Result<Bytes, BodyError> {
        let body = std::mem::take(&mut self.body);
        let reading = body::read(&self.headers, body, bytes_max);
        tokio::time::timeout(self.body_deadline, reading).await.unwrap_or(Err(BodyError::TooSlow))
    }
}

impl Kit {
    /// Answers `request` on `route` by what `work` makes of it.
    pub(crate) async fn exchange<W, A>(
        &self,
        route: &Route,
        voice: Voice,
        request: Request,
        work: W,
    ) -> Response
    where
        W: FnOnce(Exchange) -> A,
        A: Future<Output = Answer>,
    {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let trusted = &self.limits.trusted_proxies;
        let origin = client::origin(&parts.extensions, &parts.headers, trusted);
        let exchange = Exchange {
            route: route.name,
            id: self.ids.of(&parts.headers),
            source: origin.address,
            vouched: origin.vouched,
            method: parts.method,
            headers: parts.headers,
            body,
            body_deadline: self.limits.body_read_deadline,
        };
        let (id, source) = (exchange.id.clone(), exchange.source);
        let answer = match self.room(source) {
            // Pinned here: handed on by value it would be copied, and kept, at every level.
            Ok(_room) => self.guarded(voice, &id, route, pin!(work(exchange))).await,
            Err(trouble) => {
                if trouble == Trouble::Overloaded {
                    let most = self.limits.requests_in_flight_max;
                    let error = format_args!("{most} requests are being worked on");
                    self.busy(route.name, &id, Cause::Requests, &error);
                }
                voice(trouble)
            }
        };
        let took = began.elapsed();
        route.answered(answer.outcome, took);
        tracing::debug!(
            route = route.name,
            code = answer.code,
            status = answer.status.as_u16(),
            took = ?took,
            request.id = %id,
            source = %source,
            "request answered"
        );
        respond(answer, id)
    }

    /// Room to work on one more request from `source`, until it is dropped.
    fn room(&self, source: IpAddr) -> Result<Room<'_>, Trouble> {
        if let Some(rate) = &self.rate {
            rate.check(source).map_err(|seconds| Trouble::Throttled { seconds })?;
        }
        let most = i64::try_from(self.limits.requests_in_flight_max).unwrap_or(i64::MAX);
        let before = self.metrics.in_flight.inc();
        let room = Room(&self.metrics.in_flight);
        if before < most {
            return Ok(room);
        }
        Err(Trouble::Overloaded)
    }

    async fn guarded(
        &self,
        voice: Voice,
        id: &RequestId,
        route: &Route,
        work: Pin<&mut impl Future<Output = Answer>>,
    ) -> Answer {
        let caught = AssertUnwindSafe(work).catch_unwind();
        match tokio::time::timeout(self.limits.request_deadline, caught).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                // What panicked was printed by the panic hook; its text may hold what must not be logged.
                tracing::error!(route = route.name, request.id = %id, "a request ended in a panic");
                voice(Trouble::Panicked)
            }
            Err(_) => {
                let error = format_args!("it took longer than {:?}", self.limits.request_deadline);
                self.busy(route.name, id, Cause::Deadline, &error);
                voice(Trouble::Deadline)
            }
        }
    }
}

/// Counts as one request being worked on.
struct Room<'a>(&'a Gauge);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn respond(answer: Answer, id: RequestId) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if answer.status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    }
    headers.insert(request_id::HEADER, id.into_header());
    headers.extend(answer.headers);
    response
}

/// Logs a fault of ours, once, without anything that the caller sent.
pub(crate) fn log_fault(exchange: &Exchange, error: &dyn Display) {
    tracing::error!(route = exchange.route, request.id = %exchange.id, %error, "a request met a fault");
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
