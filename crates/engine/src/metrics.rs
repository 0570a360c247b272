//! Figures of the engine, as Prometheus reads them.

use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use provisor_domain::{NetworkCode, OrderKind};

/// Upper bounds in seconds: from the fraction of a millisecond of a local commit to a command's deadline.
const SECONDS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 5.0];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AttemptLabels {
    network: String,
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DriverLabels {
    network: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NetworkLabels {
    network: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MethodLabels {
    method: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReportLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CheckLabels {
    network: String,
    outcome: &'static str,
}

type SecondsBy<L> = Family<L, Histogram, fn() -> Histogram>;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// Counters and histograms of everything that happens to tickets.
#[derive(Debug)]
pub struct Metrics {
    opened: Family<KindLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    lease_lost: Counter,
    reports: Family<ReportLabels, Counter>,
    driver: SecondsBy<DriverLabels>,
    store: SecondsBy<MethodLabels>,
    in_flight: Family<NetworkLabels, Gauge>,
    reachable: Family<NetworkLabels, Gauge>,
    checks: Family<CheckLabels, Counter>,
    adopting: Gauge,
}

impl Metrics {
    /// Figures that are shown by `registry`.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            opened: Family::default(),
            attempts: Family::default(),
            lease_lost: Counter::default(),
            reports: Family::default(),
            driver: SecondsBy::new_with_constructor(seconds),
            store: SecondsBy::new_with_constructor(seconds),
            in_flight: Family::default(),
            reachable: Family::default(),
            checks: Family::default(),
            adopting: Gauge::default(),
        };
        registry.register(
            "provisor_tickets_opened",
            "Tickets opened, by kind",
            metrics.opened.clone(),
        );
        registry.register(
            "provisor_attempts",
            "Attempts settled, by network, kind and the state of the ticket after it",
            metrics.attempts.clone(),
        );
        registry.register(
            "provisor_leases_lost",
            "Results dropped because somebody else had claimed the ticket since",
            metrics.lease_lost.clone(),
        );
        registry.register(
            "provisor_reports",
            "Reports of networks about what they had accepted, by what became of them",
            metrics.reports.clone(),
        );
        registry.register_with_unit(
            "provisor_driver",
            "How long commands take at the network, by outcome",
            Unit::Seconds,
            metrics.driver.clone(),
        );
        registry.register_with_unit(
            "provisor_store",
            "How long the store takes, by method",
            Unit::Seconds,
            metrics.store.clone(),
        );
        registry.register(
            "provisor_commands_in_flight",
            "Commands under way, by network",
            metrics.in_flight.clone(),
        );
        registry.register(
            "provisor_network_reachable",
            "1 while the network answers, 0 while it is only probed",
            metrics.reachable.clone(),
        );
        registry.register(
            "provisor_checks",
            "SIMs compared with their network, by network and what was found",
            metrics.checks.clone(),
        );
        registry.register(
            "provisor_adopting",
            "1 while a restored database is adopted and no ticket is carried out",
            metrics.adopting.clone(),
        );
        metrics
    }

    pub(crate) fn reported(&self, outcome: &'static str) {
        self.reports.get_or_create(&ReportLabels { outcome }).inc();
    }

    pub(crate) fn opened(&self, kind: OrderKind) {
        self.opened.get_or_create(&KindLabels { kind: kind.as_str() }).inc();
    }

    pub(crate) fn settled(&self, network: &NetworkCode, kind: OrderKind, outcome: &'static str) {
        let labels = AttemptLabels { network: network.to_string(), kind: kind.as_str(), outcome };
        self.attempts.get_or_create(&labels).inc();
    }

    pub(crate) fn lease_lost(&self) {
        self.lease_lost.inc();
    }

    pub(crate) fn driver_took(&self, network: &NetworkCode, outcome: &'static str, took: Duration) {
        let labels = DriverLabels { network: network.to_string(), outcome };
        self.driver.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn in_flight(&self, network: &NetworkCode, count: usize) {
        let labels = NetworkLabels { network: network.to_string() };
        self.in_flight.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn reachable(&self, network: &NetworkCode, yes: bool) {
        let labels = NetworkLabels { network: network.to_string() };
        self.reachable.get_or_create(&labels).set(i64::from(yes));
    }

    pub(crate) fn checked(&self, network: &NetworkCode, outcome: &'static str) {
        let labels = CheckLabels { network: network.to_string(), outcome };
        self.checks.get_or_create(&labels).inc();
    }

    pub(crate) fn adopting(&self, yes: bool) {
        self.adopting.set(i64::from(yes));
    }

    /// Runs a call of the store and writes down how long it took.
    pub(crate) async fn timed<T>(&self, method: &'static str, call: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = call.await;
        let labels = MethodLabels { method };
        self.store.get_or_create(&labels).observe(began.elapsed().as_secs_f64());
        answer
    }
}
