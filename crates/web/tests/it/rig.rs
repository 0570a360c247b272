//! A small world behind a router: an engine on a real store with the catalogue of [`crate::catalogue`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use prometheus_client::registry::Registry;
use provisor_domain::TicketId;
use provisor_domain::catalogue::Catalogue;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{NewCredential, Operations, Origin, Users};
use provisor_domain::user::CredentialUse;
use provisor_drivers::Surroundings;
use provisor_engine::{
    Chance, Credential, Engine, Metrics, NetworkFactory, Parts, Runner, Share, Watch,
};
use provisor_store::sqlite::{Options, SqliteStore};
use provisor_web::{App, HttpLimits, HttpMetrics, Peer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

pub(crate) use crate::catalogue::*;

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: SqliteStore,
    pub(crate) registry: Arc<Registry>,
    dir: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error code, or `ok`.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        if json["ok"] == true { "ok".into() } else { json["errorCode"].as_str().unwrap().into() }
    }

    pub(crate) fn message(&self) -> String {
        self.json()["errorMessage"].as_str().unwrap_or_default().into()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The number of the ticket that was raised.
    pub(crate) fn ticket(&self) -> String {
        let id = self.json()["ticket"]["id"].as_str().unwrap_or_default().to_owned();
        let wanted = format!(r#"{{"ok":true,"ticket":{{"id":"{id}","status":"Processing"}}}}"#);
        assert_eq!(self.body, wanted, "{self:?}");
        id
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(HttpLimits::default()).await
    }

    pub(crate) async fn with(limits: HttpLimits) -> Self {
        Self::of(catalogue(), limits).await
    }

    pub(crate) async fn of(catalogue: Catalogue, limits: HttpLimits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("test.db"), Options::default()).unwrap();
        store.catalogue_write(catalogue, origin(), SystemClock.now()).await.unwrap();
        let mut registry = Registry::default();
        let parts = Parts {
            share: Share::all(),
            clock: Arc::new(SystemClock),
            chance: Chance::seeded(7),
            metrics: Arc::new(Metrics::new(&mut registry)),
        };
        let engine = Arc::new(Engine::new(Arc::new(store.clone()), parts).await.unwrap());
        let metrics = HttpMetrics::new(&mut registry);
        let router = provisor_web::router(App { engine: engine.clone(), limits, metrics });
        let world = Self { router, engine, store, registry: Arc::new(registry), dir };
        world.look().await;
        world
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("test.db")
    }

    /// Everything that was written to disk.
    pub(crate) fn written(&self) -> Vec<u8> {
        let (mut written, mut paths) = (Vec::new(), vec![self.dir.path().to_owned()]);
        while let Some(path) = paths.pop() {
            if path.is_dir() {
                paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                written.extend(std::fs::read(path).unwrap());
            }
        }
        written
    }

    /// Sees what changed in the store, as a server does four times a second.
    pub(crate) async fn look(&self) {
        let surroundings = Surroundings::new(self.dir.path());
        let build: NetworkFactory = Arc::new(move |network| {
            provisor_drivers::build(network, &surroundings).map_err(|error| error.to_string())
        });
        Watch::new(self.engine.clone(), build).look().await.unwrap();
    }

    /// Takes a ticket back that nobody has claimed.
    pub(crate) async fn cancel(&self, id: TicketId) {
        let reason = "taken back by a test".to_owned();
        self.store.ticket_cancel(id, reason, origin(), SystemClock.now()).await.unwrap();
    }

    /// Carries tickets out until what is answered is dropped.
    pub(crate) fn run(&self) -> watch::Sender<bool> {
        let stop = watch::Sender::new(false);
        tokio::spawn(Runner::new(self.engine.clone(), true).run(stop.subscribe()));
        stop
    }

    pub(crate) async fn maintenance(&self, on: bool) {
        self.store.maintenance_set(on, origin(), SystemClock.now()).await.unwrap();
        self.look().await;
    }

    /// A credential of `MarioG`'s.
    pub(crate) async fn credential(&self, usable_for: CredentialUse) -> String {
        self.credential_of("MarioG", usable_for, &[]).await
    }

    /// A credential of a user's that may be used from these networks, or from anywhere.
    pub(crate) async fn credential_of(
        &self,
        username: &str,
        usable_for: CredentialUse,
        networks: &[&str],
    ) -> String {
        let credential = Credential::generate();
        let key = self.store.installation_key().await.unwrap();
        let new = NewCredential {
            digest: credential.digest(&key).0,
            label: credential.label().to_owned(),
            usable_for,
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
            expires: None,
        };
        let name = username.parse().unwrap();
        let added = self.store.credential_add(name, new, origin(), SystemClock.now()).await;
        assert!(added.unwrap());
        self.look().await;
        credential.reveal().to_owned()
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4711);
        if request.extensions().get::<Peer>().is_none() {
            request.extensions_mut().insert(Peer(peer));
        }
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Calls a method as `MarioG`.
    pub(crate) async fn call(&self, method: &str, members: Value) -> Answer {
        self.call_as("MarioG", method, members).await
    }

    pub(crate) async fn call_as(&self, user: &str, method: &str, members: Value) -> Answer {
        self.post(&format!("/api/v1/{method}"), body(user, members)).await
    }

    pub(crate) async fn call_with_key(&self, key: &str, method: &str, members: Value) -> Answer {
        let request = Request::post(format!("/v1/{method}")).header("Idempotency-Key", key);
        self.send(request.body(body("MarioG", members).into()).unwrap()).await
    }

    /// Waits until a ticket has ended, and answers what `queryTicket` shows of it.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        let ended = async {
            loop {
                let answer = self.call("queryTicket", json!({"ticket": {"id": id}})).await;
                let ticket = answer.json()["ticket"].clone();
                if ticket["status"] != "Processing" {
                    return ticket;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the ticket ends")
    }

    /// Calls a method that raises a ticket, and waits until it is carried out.
    pub(crate) async fn done(&self, method: &str, members: Value) -> Value {
        let id = self.call(method, members).await.ticket();
        let ticket = self.ended(&id).await;
        assert_eq!(ticket["status"], "Completed", "{method}: {ticket}");
        ticket
    }
}

/// A body with the `user` member of `user`.
pub(crate) fn body(user: &str, mut members: Value) -> String {
    members["user"] = json!({"username": user, "password": "Stuttgart"});
    members.to_string()
}

pub(crate) fn connect(sim: &str) -> Value {
    json!({"sim": sim, "name": "IMK Test", "contractCode": "1000274",
        "tariffCode": "TEASEU1000MB", "APNCodes": "AS_APN_CROUT"})
}

pub(crate) fn origin() -> Origin {
    Origin { actor: "operator:test".into(), request_id: None }
}
