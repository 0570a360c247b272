//! The page that Prometheus reads: `/metrics`, on a listener of its own.
//!
//! Beside what counts itself, it shows what is open in the database. That costs a query, so however often the page
//! is read, the database is asked at most once in [`QUEUE_AGE_MAX`].

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{DriftStat, QueueStat};
use provisor_engine::Engine;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How old the figures about the queue may be.
const QUEUE_AGE_MAX: Duration = Duration::from_secs(5);
/// How long the database may take for them; over it, the page comes without.
const QUEUE_DEADLINE: Duration = Duration::from_secs(2);
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OpenLabels {
    network: String,
    kind: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NetworkLabels {
    network: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DriftLabels {
    network: String,
    kind: &'static str,
}

/// `/metrics` of `registry` and of what is open in `engine`'s database: `provisor_tickets_open{network,kind,state}`
/// `provisor_oldest_open_ticket_seconds{network}` and `provisor_drifts{network,kind}`. Needs no credentials: it belongs on a listener that strangers
/// cannot reach.
pub fn metrics_router(registry: Arc<Registry>, engine: Arc<Engine>) -> Router {
    let queue = Arc::new(Mutex::new(Queue::new()));
    let page = async move || page(&registry, &engine, &queue).await;
    Router::new().route("/metrics", get(page))
}

async fn page(registry: &Registry, engine: &Engine, queue: &Mutex<Queue>) -> Response {
    let mut body = String::new();
    let written = {
        let mut queue = queue.lock().await;
        queue.refresh(engine).await;
        queue.show_age(SystemClock.now());
        text::encode_registry(&mut body, registry)
            .and_then(|()| text::encode_registry(&mut body, &queue.registry))
            .and_then(|()| text::encode_eof(&mut body))
    };
    match written {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What is open, as it was when the database was last asked.
struct Queue {
    registry: Registry,
    open: Family<OpenLabels, Gauge>,
    oldest: Family<NetworkLabels, Gauge>,
    stats: Vec<QueueStat>,
    /// What was shown once and goes on being shown, as 0 when nothing of it is open.
    shown: HashSet<OpenLabels>,
    drifts: Family<DriftLabels, Gauge>,
    /// The same of drifts.
    drifted: HashSet<DriftLabels>,
    asked: Option<Instant>,
}

impl Queue {
    fn new() -> Self {
        let mut registry = Registry::default();
        let (open, oldest, drifts) = (Family::default(), Family::default(), Family::default());
        registry.register(
            "provisor_drifts",
            "SIMs of which a network has otherwise than the books say, by network and whose doing it is",
            Family::clone(&drifts),
        );
        registry.register(
            "provisor_tickets_open",
            "Open tickets, by network, kind and state",
            Family::clone(&open),
        );
        registry.register_with_unit(
            "provisor_oldest_open_ticket",
            "Age of the oldest open ticket, by network; 0 when none is open",
            Unit::Seconds,
            Family::clone(&oldest),
        );
        let (stats, shown, drifted) = (Vec::new(), HashSet::new(), HashSet::new());
        Self { registry, open, oldest, stats, shown, drifts, drifted, asked: None }
    }

    /// Asks the database when what is known is too old. When it cannot say, the old figures go: none are better
    /// than wrong ones.
    async fn refresh(&mut self, engine: &Engine) {
        if self.asked.is_some_and(|asked| asked.elapsed() < QUEUE_AGE_MAX) {
            return;
        }
        self.asked = Some(Instant::now());
        self.open.clear();
        self.oldest.clear();
        self.drifts.clear();
        let asked = async { tokio::try_join!(engine.queue_stats(), engine.drift_stats()) };
        match tokio::time::timeout(QUEUE_DEADLINE, asked).await {
            Ok(Ok((stats, drifts))) => {
                self.show(stats);
                self.show_drifts(&drifts);
            }
            Ok(Err(error)) => self.missing(&error.to_string()),
            Err(_) => self.missing("it took too long"),
        }
    }

    fn show_drifts(&mut self, stats: &[DriftStat]) {
        let labels = |stat: &DriftStat| DriftLabels {
            network: stat.network.to_string(),
            kind: stat.kind.as_str(),
        };
        self.drifted.extend(stats.iter().map(labels));
        for labels in &self.drifted {
            self.drifts.get_or_create(labels).set(0);
        }
        for stat in stats {
            let count = i64::try_from(stat.count).unwrap_or(i64::MAX);
            self.drifts.get_or_create(&labels(stat)).set(count);
        }
    }

    fn missing(&mut self, why: &str) {
        self.stats.clear();
        self.shown.clear();
        self.drifted.clear();
        tracing::warn!(why, "the figures about open tickets are missing from /metrics");
    }

    fn show(&mut self, stats: Vec<QueueStat>) {
        self.shown.extend(stats.iter().map(labels));
        for labels in &self.shown {
            self.open.get_or_create(labels).set(0);
        }
        for stat in &stats {
            let count = i64::try_from(stat.count).unwrap_or(i64::MAX);
            self.open.get_or_create(&labels(stat)).set(count);
        }
        self.stats = stats;
    }

    /// Ages grow between two looks at the database too.
    fn show_age(&self, now: Timestamp) {
        for labels in &self.shown {
            let of_network = self.stats.iter().filter(|s| s.network.as_str() == labels.network);
            let oldest = of_network.map(|stat| stat.oldest).min();
            let age = oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0));
            let labels = NetworkLabels { network: labels.network.clone() };
            self.oldest.get_or_create(&labels).set(age);
        }
    }
}

fn labels(stat: &QueueStat) -> OpenLabels {
    OpenLabels {
        network: stat.network.to_string(),
        kind: stat.kind.as_str(),
        state: stat.state.as_str(),
    }
}
