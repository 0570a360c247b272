//! A small world: two customers, two networks, a handful of users; and the steps that tests take in it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provisor_domain::catalogue::{
    Bar, Catalogue, CatalogueKeys, Contract, Customer, Network, PackKind, Product, Template,
    Tenant, TicketType, User,
};
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::driver::OnceKey;
use provisor_domain::order::Connect;
use provisor_domain::plan::{Books, Change, ServiceBooks, plan};
use provisor_domain::portal::PackMeasure;
use provisor_domain::store::{
    ChangeAbout, ChangeAsk, ChangeFacts, ClaimAsk, Claimed, ImportRow, Lease, NewTicket, Opened,
    Origin, ServiceFound, ServiceSummary, Settled, Settlement, SimKeys, Store, SubjectClaim,
    TicketFilter, Verdict, WorkerId,
};
use provisor_domain::ticket::{About, Failure, FailureKind, Subject, Ticket};
use provisor_domain::{
    CustomerNumber, Iccid, Order, Scope, Service, ServiceCode, ServiceSelector, SimRecord,
    SimState, TicketId, UserId, UserKind,
};
use secrecy::SecretString;
use uuid::Uuid;

pub(crate) const MARIO: &str = "1000000";
pub(crate) const LUIGI: &str = "2000000";
/// The tenants, the first one the default.
pub(crate) const KOMMITT: &str = "kommitt";
pub(crate) const OTHER: &str = "other";
/// How long a lease lasts in these tests, in seconds.
pub(crate) const LEASE: i64 = 15;

/// A store with the small world in it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    /// When the test began.
    pub(crate) start: Timestamp,
}

/// Any type that is read from text.
pub(crate) fn a<T: std::str::FromStr>(raw: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    raw.parse().unwrap()
}

pub(crate) fn iccid(number: usize) -> Iccid {
    a(&format!("89440000{number:011}"))
}

pub(crate) fn origin() -> Origin {
    Origin { actor: "user:MarioG".to_owned(), request_id: Some("r-1".to_owned()) }
}

pub(crate) fn worker(number: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(number))
}

pub(crate) fn failure(kind: FailureKind) -> Failure {
    Failure { kind, reason: "the network said so".to_owned() }
}

pub(crate) fn all_tickets() -> TicketFilter {
    TicketFilter { limit: 10_000, ..TicketFilter::default() }
}

pub(crate) fn stock_sim(number: usize, customer: &str) -> SimRecord {
    SimRecord {
        iccid: iccid(number),
        imsi: Some(a(&format!("90170{number:010}"))),
        msisdn: None,
        customer: a(customer),
        network: None,
        state: SimState::Stock,
        version: 1,
    }
}

pub(crate) fn own_number(mut sim: SimRecord, msisdn: &str) -> SimRecord {
    sim.msisdn = Some(a(msisdn));
    sim
}

fn product<C: std::str::FromStr>(code: &str, network: &str) -> Product<C>
where
    C::Err: std::fmt::Debug,
{
    Product { code: a(code), name: format!("the {code}"), network: a(network) }
}

fn user(name: &str, kind: UserKind, customers: &[&str]) -> User {
    User {
        username: a(name),
        kind,
        password_hash: Some(SecretString::from(format!("$argon2id${name}"))),
        customers: customers.iter().map(|code| a(code)).collect(),
        bars: if customers.contains(&MARIO) { vec![a("AS_SUS_MSISDN")] } else { vec![] },
        boltons: if customers.contains(&MARIO) { vec![a("ROAM")] } else { vec![] },
    }
}

pub(crate) fn tenant(name: &str, default: bool) -> Tenant {
    let pack = |name: &str, kind| PackKind { name: a(name), kind };
    Tenant {
        name: a(name),
        mail_domain: "rapeedo.net".to_owned(),
        mail: a("MAIL"),
        mailbox_bytes: 1024,
        mail_kept_days: 30,
        default,
        networks: vec![a("127.0.0.0/8"), a("::1/128")],
        packs: vec![pack("Mail", PackMeasure::Count), pack("Web", PackMeasure::Size)],
    }
}

/// The world as a catalogue. Network AS has a range of ten numbers, network NO has none; MAIL carries mail.
pub(crate) fn catalogue() -> Catalogue {
    let network = |code: &str, range: Option<(&str, &str)>| Network {
        code: a(code),
        driver: "simulated".to_owned(),
        number_range: range.map(|(first, last)| (a(first), a(last))),
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: serde_json::Map::new(),
    };
    let bar = |code: &str, suspends| Bar {
        code: a(code),
        name: format!("the {code}"),
        network: a("AS"),
        suspends,
    };
    let contract = |code: &str, name: &str| Contract { code: a(code), name: name.to_owned() };
    Catalogue {
        networks: vec![
            network("AS", Some(("07700900000", "07700900009"))),
            network("MAIL", None),
            network("NO", None),
        ],
        tariffs: vec![product("EU", "AS"), product("NORTH", "NO")],
        apns: vec![product("CROUT", "AS"), product("FJORD", "NO")],
        boltons: vec![product("ROAM", "AS"), product("SECRET", "AS")],
        bars: vec![bar("AS_DATA", false), bar("AS_SUS_MSISDN", true)],
        templates: vec![Template {
            code: a("FLEET"),
            tariff: a("EU"),
            apns: vec![a("CROUT")],
            boltons: vec![a("ROAM")],
        }],
        ticket_types: vec![
            TicketType { code: a("FAULT"), name: "Fault".to_owned(), needs_file: false },
            TicketType { code: a("PORT"), name: "Port".to_owned(), needs_file: true },
        ],
        customers: vec![
            Customer {
                number: a(MARIO),
                name: "Mario's fleet".to_owned(),
                contracts: vec![contract("1000274", "MarioG18"), contract("1900274", "MarioG19")],
            },
            Customer {
                number: a(LUIGI),
                name: "Luigi's fleet".to_owned(),
                contracts: vec![contract("2000001", "Luigi")],
            },
        ],
        users: vec![
            user("GroupG", UserKind::Group(a("trucks")), &[MARIO]),
            user("LuigiG", UserKind::Account, &[LUIGI]),
            user("MarioG", UserKind::Account, &[MARIO]),
            user("ServiceG", UserKind::Service(ServiceCode::FIRST), &[MARIO]),
            user("TenantG", UserKind::Tenant(a(KOMMITT)), &[]),
        ],
        tenants: vec![tenant(KOMMITT, true), tenant(OTHER, false)],
        ..Catalogue::default()
    }
}

impl World {
    /// The world without SIMs.
    pub(crate) async fn new(store: Arc<dyn Store>) -> Self {
        let world = Self { store, start: SystemClock.now() };
        world.load(catalogue()).await;
        world
    }

    /// The world with SIMs 0, 1, … of one customer in stock.
    pub(crate) async fn with_sims(store: Arc<dyn Store>, count: usize) -> Self {
        let world = Self::new(store).await;
        world.add_sims((0..count).map(|n| stock_sim(n, MARIO)).collect()).await;
        world
    }

    /// So many seconds after the test began.
    pub(crate) fn at(&self, seconds: i64) -> Timestamp {
        self.start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    pub(crate) async fn load(&self, catalogue: Catalogue) {
        self.store.catalogue_write(catalogue, origin(), self.start).await.unwrap();
    }

    pub(crate) async fn add_sims(&self, sims: Vec<SimRecord>) {
        self.load(Catalogue { sims, ..Catalogue::default() }).await;
    }

    /// Many SIMs at once, as an import brings them.
    pub(crate) async fn import_sims(&self, customer: &str, numbers: std::ops::Range<usize>) {
        let import = self
            .store
            .sim_import_begin("stock.csv".to_owned(), origin(), self.start)
            .await
            .unwrap();
        let rows = numbers.map(|n| import_row(n, customer)).collect();
        assert_eq!(self.store.sim_import_rows(import, rows).await.unwrap(), []);
        self.store.sim_import_finish(import, self.start).await.unwrap();
    }

    pub(crate) async fn sim(&self, number: usize) -> SimRecord {
        let keys = CatalogueKeys { sims: vec![iccid(number)], ..CatalogueKeys::default() };
        self.store.catalogue_read(keys).await.unwrap().sims.remove(0)
    }

    pub(crate) async fn service(&self, code: ServiceCode) -> Service {
        let keys = CatalogueKeys { services: vec![code], ..CatalogueKeys::default() };
        self.store.catalogue_read(keys).await.unwrap().services.remove(0)
    }

    pub(crate) async fn scope(&self, username: &str) -> Scope {
        let auth = self.store.user_auth(a(username)).await.unwrap().unwrap();
        Scope { user: auth.id, kind: auth.kind }
    }

    /// An order to connect a SIM in stock, decided on the present version of it.
    pub(crate) async fn connect(&self, number: usize) -> NewTicket {
        connect_of(&self.sim(number).await, self.start)
    }

    /// An order for the service in a SIM.
    pub(crate) async fn change(&self, service: &Service, order: Order) -> NewTicket {
        let keys = CatalogueKeys { sims: vec![service.iccid.clone()], ..CatalogueKeys::default() };
        let sim = self.store.catalogue_read(keys).await.unwrap().sims.remove(0);
        NewTicket {
            order,
            about: about(service),
            network: service.network.clone(),
            ..connect_of(&sim, self.start)
        }
    }

    pub(crate) async fn open(&self, ticket: NewTicket) -> Opened {
        self.store.ticket_open(vec![ticket]).await.unwrap().remove(0)
    }

    pub(crate) async fn opened(&self, ticket: NewTicket) -> TicketId {
        match self.open(ticket).await {
            Opened::Ticket(id) => id,
            other => panic!("not opened: {other:?}"),
        }
    }

    /// Claims from network AS as worker 1.
    pub(crate) async fn claim(&self, take: usize, now: Timestamp) -> Vec<Lease> {
        self.claim_as(&ask(take, now)).await.leases
    }

    pub(crate) async fn claim_as(&self, ask: &ClaimAsk) -> Claimed {
        self.store.ticket_claim(ask.clone()).await.unwrap()
    }

    pub(crate) async fn settle(&self, lease: &Lease, verdict: Verdict, now: Timestamp) -> Settled {
        let settlements = vec![settlement(lease, verdict, now)];
        self.store.ticket_settle(settlements, now).await.unwrap().remove(0)
    }

    /// Claims everything that is due and completes it as planned.
    pub(crate) async fn carry_out(&self, now: Timestamp) {
        for lease in self.claim(100, now).await {
            let settled = self.settle(&lease, completed(&lease), now).await;
            assert_eq!(settled, Settled::Done);
        }
    }

    /// Opens an order and carries it out.
    pub(crate) async fn done(&self, ticket: NewTicket, now: Timestamp) -> Ticket {
        let id = self.opened(ticket).await;
        self.carry_out(now).await;
        let ticket = self.ticket(id).await;
        assert_eq!(ticket.state, provisor_domain::TicketState::Completed);
        ticket
    }

    /// Connects a SIM in stock and answers its service.
    pub(crate) async fn connected(&self, number: usize) -> Service {
        let ticket = self.done(self.connect(number).await, self.start).await;
        self.service(ticket.about.service().unwrap()).await
    }

    /// The newest service of a SIM.
    pub(crate) async fn connected_before(&self, number: usize) -> Service {
        let selector = ServiceSelector::new(None, None, Some(iccid(number))).unwrap();
        self.found("MarioG", selector).await
    }

    pub(crate) async fn ticket(&self, id: TicketId) -> Ticket {
        self.store.ticket_show(id).await.unwrap().unwrap().ticket
    }

    /// The service that a user finds under a selector.
    pub(crate) async fn found(&self, user: &str, selector: ServiceSelector) -> Service {
        match self.facts(&self.scope(user).await, selector).await.service {
            ServiceFound::Found(service) => *service,
            other => panic!("{other:?}"),
        }
    }

    /// What a change that adds nothing would be decided on.
    async fn facts(&self, scope: &Scope, selector: ServiceSelector) -> ChangeFacts {
        let ask = ChangeAsk {
            scope: scope.clone(),
            selector,
            about: ChangeAbout::Nothing,
            idempotency: None,
        };
        self.store.change_facts(ask).await.unwrap()
    }

    /// What is found under a selector while nothing else happens: what a change of it is decided on, of which a question shows
    /// a part.
    pub(crate) async fn finds(&self, scope: &Scope, selector: ServiceSelector) -> ServiceFound {
        let facts = self.facts(scope, selector.clone()).await;
        assert_eq!(facts.sim.is_some(), matches!(facts.service, ServiceFound::Found(_)));
        let identity = facts.sim.and_then(|facts| facts.sim.imsi);
        for imsi in [false, true] {
            let seen = self.store.service_find(scope.clone(), selector.clone(), imsi).await;
            let identity = identity.clone().filter(|_| imsi);
            let wanted = facts.service.clone().map(|service| ServiceSummary::of(service, identity));
            assert_eq!(seen.unwrap(), wanted, "with its IMSI: {imsi}");
        }
        facts.service
    }
}

pub(crate) fn import_row(number: usize, customer: &str) -> ImportRow {
    ImportRow {
        line: number as u64 + 2,
        iccid: iccid(number),
        imsi: Some(a(&format!("90170{number:010}"))),
        msisdn: None,
        customer: a(customer),
        network: None,
        keys: SimKeys::default(),
    }
}

pub(crate) fn connect_order(customer: &CustomerNumber) -> Order {
    let contract = if customer.as_str() == MARIO { "1000274" } else { "2000001" };
    Order::Connect(Connect {
        name: a("Marion Gomez"),
        contract: a(contract),
        tariff: a("EU"),
        apns: vec![a("CROUT")],
        group: None,
    })
}

pub(crate) fn connect_of(sim: &SimRecord, raised: Timestamp) -> NewTicket {
    let subject = Subject::Sim(sim.iccid.clone());
    NewTicket {
        order: connect_order(&sim.customer),
        subjects: vec![SubjectClaim { subject, version: sim.version }],
        customer: sim.customer.clone(),
        network: a("AS"),
        about: About::Service { iccid: sim.iccid.clone(), service: None, cli: None },
        secret: None,
        origin: origin(),
        idempotency: None,
        raised,
    }
}

pub(crate) fn ask(take: usize, now: Timestamp) -> ClaimAsk {
    ClaimAsk {
        network: a("AS"),
        worker: worker(1),
        take,
        after: None,
        lease: Duration::from_secs(LEASE.unsigned_abs()),
        now,
    }
}

/// The change that the lease's order plans.
pub(crate) fn planned(lease: &Lease) -> Change {
    let once = OnceKey { ticket: lease.ticket, epoch: lease.epoch };
    plan(lease.order.as_ref().unwrap(), &lease.books, once).unwrap().change
}

pub(crate) fn completed(lease: &Lease) -> Verdict {
    Verdict::Completed(Box::new(planned(lease)))
}

pub(crate) fn settlement(lease: &Lease, verdict: Verdict, now: Timestamp) -> Settlement {
    Settlement { ticket: lease.ticket, epoch: lease.epoch, began: now, verdict }
}

/// What a ticket for this service is about.
pub(crate) fn about(service: &Service) -> About {
    About::Service {
        iccid: service.iccid.clone(),
        service: Some(service.code),
        cli: service.cli.clone(),
    }
}

/// The books of a SIM's ticket.
pub(crate) fn service_books(lease: &Lease) -> &ServiceBooks {
    match &lease.books {
        Books::Service(books) => books,
        Books::Portal(books) => panic!("{books:?}"),
    }
}

/// A user id that nobody has.
pub(crate) fn nobody() -> Scope {
    Scope { user: UserId(i64::MAX), kind: UserKind::Account }
}
