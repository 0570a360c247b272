//! A small world behind a router: customer 1000000 with two contracts, three services and some SIMs in stock; user
//! MarioG who may everything there; customer 2000000 with a contract, a SIM and user Other; network AS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use prometheus_client::registry::Registry;
use provisor_domain::catalogue::{
    Bar, Catalogue, Contract, Customer, Network, Product, Template, TicketType, User,
};
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::service::Products;
use provisor_domain::store::{NewCredential, Operations, Origin, Users};
use provisor_domain::user::CredentialUse;
use provisor_domain::{Service, ServiceCode, ServiceStatus, SimRecord, SimState, UserKind};
use provisor_engine::{
    Chance, Credential, Engine, Metrics, NetworkFactory, Parts, Runner, Watch, hash_password,
};
use provisor_store::sqlite::{Options, SqliteStore};
use provisor_web::{App, HttpLimits, HttpMetrics, Peer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

pub(crate) const SIM_1: &str = "8910390000015161789";
pub(crate) const SIM_LONG: &str = "8910390000015161789012";
pub(crate) const SIM_OTHER: &str = "8910390000020000000";
/// Of service 5000001: active.
pub(crate) const SIM_ACTIVE: &str = "8944110011462295831";
/// Of service 5000002: active, the only one Sam reaches.
pub(crate) const SIM_SAM: &str = "8944110011462295832";
/// Of service 5000003: switched off.
pub(crate) const SIM_OFF: &str = "8944110011462295833";
pub(crate) const CLI_ACTIVE: &str = "07979123456";

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
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("test.db"), Options::default()).unwrap();
        store.catalogue_write(catalogue(), origin(), SystemClock.now()).await.unwrap();
        let mut registry = Registry::default();
        let parts = Parts {
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

    /// Sees what changed in the store, as a server does four times a second.
    pub(crate) async fn look(&self) {
        let dir = self.dir.path().to_owned();
        let build: NetworkFactory = Arc::new(move |network| {
            provisor_drivers::build(network, &dir).map_err(|error| error.to_string())
        });
        Watch::new(self.engine.clone(), build).look().await.unwrap();
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

    /// A credential of MarioG's.
    pub(crate) async fn credential(&self, usable_for: CredentialUse) -> String {
        let credential = Credential::generate();
        let key = self.store.installation_key().await.unwrap();
        let new = NewCredential {
            digest: credential.digest(&key).0,
            label: credential.label().to_owned(),
            usable_for,
            networks: vec![],
            expires: None,
        };
        let name = "MarioG".parse().unwrap();
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

    /// Calls a method as MarioG.
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

fn catalogue() -> Catalogue {
    Catalogue {
        networks: vec![Network {
            code: "AS".parse().unwrap(),
            driver: "simulated".into(),
            number_range: Some(("07700900000".parse().unwrap(), "07700900999".parse().unwrap())),
            settings: serde_json::Map::new(),
        }],
        tariffs: vec![product("TEASEU1000MB")],
        apns: vec![product("AS_APN_CROUT"), product("AS_APN_PRIVATE")],
        boltons: vec![product("AS_BO_ROAM"), product("AS_BO_SECRET")],
        bars: ["AS_SUS_MSISDN", "BF_002"].map(bar).into(),
        templates: vec![Template {
            code: "AS_SMALL".parse().unwrap(),
            tariff: "TEASEU1000MB".parse().unwrap(),
            apns: vec!["AS_APN_PRIVATE".parse().unwrap()],
            boltons: vec![],
        }],
        ticket_types: vec![ticket_type("QUESTION", false), ticket_type("PORT_IN", true)],
        customers: vec![
            customer("1000000", &[("1000274", "MarioG18"), ("1900274", "Mario \"G\" 19")]),
            customer("2000000", &[("2000274", "Other")]),
        ],
        users: vec![
            user("MarioG", UserKind::Account, "1000000"),
            user("Other", UserKind::Account, "2000000"),
            user("Sam", UserKind::Service(ServiceCode::new(5_000_002).unwrap()), "1000000"),
        ],
        sims: vec![sim(SIM_1, "1000000"), sim(SIM_LONG, "1000000"), sim(SIM_OTHER, "2000000")],
        services: vec![
            service(5_000_001, SIM_ACTIVE, CLI_ACTIVE, ServiceStatus::Active),
            service(5_000_002, SIM_SAM, "07979123457", ServiceStatus::Active),
            service(5_000_003, SIM_OFF, "07979123458", ServiceStatus::SwitchedOff),
        ],
        ..Catalogue::default()
    }
}

fn product<C: std::str::FromStr<Err: std::fmt::Debug>>(code: &str) -> Product<C> {
    Product { code: code.parse().unwrap(), name: code.into(), network: "AS".parse().unwrap() }
}

fn bar(code: &str) -> Bar {
    let network = "AS".parse().unwrap();
    Bar { code: code.parse().unwrap(), name: code.into(), network, suspends: true }
}

fn ticket_type(code: &str, needs_file: bool) -> TicketType {
    TicketType { code: code.parse().unwrap(), name: code.into(), needs_file }
}

fn customer(number: &str, contracts: &[(&str, &str)]) -> Customer {
    let contracts = contracts
        .iter()
        .map(|(code, name)| Contract { code: code.parse().unwrap(), name: (*name).into() });
    let number = number.parse().unwrap();
    Customer { number, name: "Example Fleet".into(), contracts: contracts.collect() }
}

fn user(name: &str, kind: UserKind, customer: &str) -> User {
    User {
        username: name.parse().unwrap(),
        kind,
        password_hash: Some(hash_password(&"Stuttgart".into()).unwrap()),
        customers: vec![customer.parse().unwrap()],
        bars: vec!["AS_SUS_MSISDN".parse().unwrap()],
        boltons: vec!["AS_BO_ROAM".parse().unwrap()],
    }
}

fn sim(iccid: &str, customer: &str) -> SimRecord {
    SimRecord {
        iccid: iccid.parse().unwrap(),
        imsi: None,
        msisdn: None,
        customer: customer.parse().unwrap(),
        network: None,
        state: SimState::Stock,
        version: 1,
    }
}

fn service(code: i64, iccid: &str, cli: &str, status: ServiceStatus) -> Service {
    Service {
        code: ServiceCode::new(code).unwrap(),
        name: "Marion Gomez".parse().unwrap(),
        status,
        cli: Some(cli.parse().unwrap()),
        iccid: iccid.parse().unwrap(),
        network: "AS".parse().unwrap(),
        contract: "1000274".parse().unwrap(),
        customer: "1000000".parse().unwrap(),
        tariff: "TEASEU1000MB".parse().unwrap(),
        group: None,
        products: Products::default(),
    }
}
