//! Figures of all HTTP, as Prometheus reads them.
//!
//! Handles are looked up once a route when the router is built; a request touches only atomics and one histogram.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::answer::Outcome;
use super::busy::Cause;

/// Upper bounds in seconds: from a query out of memory to a request's deadline.
const SECONDS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

/// Counters and histograms of requests.
#[derive(Debug)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Gauge,
    /// In the order of [`Cause::ALL`].
    pub(super) come_back: [Counter; Cause::ALL.len()],
}

impl HttpMetrics {
    /// Figures that are shown by `registry`: `provisor_http_requests_total{route,outcome}`,
    /// `provisor_http_request_seconds{route}`, `provisor_http_requests_in_flight`, `provisor_http_come_back_total{cause}`.
    pub fn new(registry: &mut Registry) -> Self {
        let come_back = Family::<CauseLabels, Counter>::default();
        registry.register(
            "provisor_http_come_back",
            "Callers told to come back though no maintenance is under way, by cause",
            come_back.clone(),
        );
        let counter =
            |cause: Cause| come_back.get_or_create_owned(&CauseLabels { cause: cause.as_str() });
        let metrics = Self {
            come_back: Cause::ALL.map(counter),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
        };
        registry.register(
            "provisor_http_requests",
            "Requests answered, by route and class of outcome",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "provisor_http_request",
            "How long requests take, by route",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register(
            "provisor_http_requests_in_flight",
            "Requests being worked on",
            metrics.in_flight.clone(),
        );
        metrics
    }

    /// The handles of the route that is called `name` in figures and logs.
    pub(crate) fn route(&self, name: &'static str) -> Route {
        let counter = |outcome: Outcome| {
            let labels = RequestLabels { route: name, outcome: outcome.as_str() };
            self.requests.get_or_create_owned(&labels)
        };
        Route {
            name,
            requests: Outcome::ALL.map(counter),
            seconds: self.seconds.get_or_create_owned(&RouteLabels { route: name }),
        }
    }
}

/// A route's name and figures.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    requests: [Counter; Outcome::ALL.len()],
    seconds: Histogram,
}

impl Route {
    pub(crate) fn answered(&self, outcome: Outcome, took: Duration) {
        self.requests[outcome as usize].inc();
        self.seconds.observe(took.as_secs_f64());
    }
}
