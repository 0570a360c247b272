//! The world that the measurements of both stores work on: a network, a hundred customers, SIMs with numbers of their own.

use std::time::Duration;

use jiff::Timestamp;
use provisor_domain::catalogue::{Catalogue, Contract, Customer, Network, Product};
use provisor_domain::driver::OnceKey;
use provisor_domain::order::Connect;
use provisor_domain::plan::plan;
use provisor_domain::store::{
    ClaimAsk, Lease, NewTicket, Origin, Settlement, SubjectClaim, Verdict, WorkerId,
};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::{CustomerNumber, Iccid, Msisdn, Order, ServiceCode};

/// How many tickets go into one call.
pub(crate) const BATCH: usize = 1_000;
/// How many customers share the SIMs.
pub(crate) const CUSTOMERS: usize = 100;

pub(crate) fn a<T: std::str::FromStr>(raw: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    raw.parse().unwrap()
}

pub(crate) fn customer(sim: usize) -> String {
    format!("{}", 1_000_000 + sim % CUSTOMERS)
}

pub(crate) fn iccid(sim: usize) -> Iccid {
    a(&format!("89440000{sim:011}"))
}

pub(crate) fn msisdn(sim: usize) -> Msisdn {
    a(&format!("447{sim:09}"))
}

pub(crate) fn origin() -> Origin {
    Origin { actor: "operator:drain".to_owned(), request_id: None }
}

/// Everything but the SIMs.
pub(crate) fn catalogue() -> Catalogue {
    let network = Network {
        code: a("AS"),
        driver: "simulated".to_owned(),
        number_range: None,
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: serde_json::Map::new(),
    };
    let customers = (0..CUSTOMERS).map(|n| Customer {
        number: a(&customer(n)),
        name: String::new(),
        contracts: vec![Contract { code: a(&format!("C{}", customer(n))), name: String::new() }],
    });
    Catalogue {
        networks: vec![network],
        tariffs: vec![Product { code: a("EU"), name: String::new(), network: a("AS") }],
        customers: customers.collect(),
        ..Catalogue::default()
    }
}

pub(crate) fn connect(sim: usize) -> Order {
    Order::Connect(Connect {
        name: a("Marion Gomez"),
        contract: a(&format!("C{}", customer(sim))),
        tariff: a("EU"),
        apns: Vec::new(),
        group: None,
    })
}

/// A ticket for a SIM that stands at `version`.
pub(crate) fn ticket(
    sim: usize,
    version: i64,
    order: Order,
    service: Option<ServiceCode>,
    now: Timestamp,
) -> NewTicket {
    NewTicket {
        order,
        subjects: vec![SubjectClaim { subject: Subject::Sim(iccid(sim)), version }],
        customer: a(&customer(sim)),
        network: a("AS"),
        about: About::Service { iccid: iccid(sim), service, cli: Some(msisdn(sim)) },
        secret: None,
        origin: origin(),
        idempotency: None,
        raised: now,
    }
}

pub(crate) fn claim(
    worker: usize,
    take: usize,
    after: Option<CustomerNumber>,
    now: Timestamp,
) -> ClaimAsk {
    ClaimAsk {
        network: a("AS"),
        worker: WorkerId(uuid::Uuid::from_u128(worker as u128)),
        take,
        after,
        lease: Duration::from_mins(10),
        now,
    }
}

/// The network did everything that was asked of it.
pub(crate) fn settlements(leases: &[Lease], now: Timestamp) -> Vec<Settlement> {
    let settled = |lease: &Lease| {
        let once = OnceKey { ticket: lease.ticket, epoch: lease.epoch };
        let change = plan(lease.order.as_ref().unwrap(), &lease.books, once).unwrap().change;
        let verdict = Verdict::Completed(Box::new(change));
        Settlement { ticket: lease.ticket, epoch: lease.epoch, began: now, verdict }
    };
    leases.iter().map(settled).collect()
}
