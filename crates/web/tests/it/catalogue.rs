//! What the world of the tests holds: customer 1000000 with two contracts, three services and some SIMs in stock; user
//! `MarioG` who may everything there, and Sam who reaches one service of it; customer 2000000 with a contract, a SIM and
//! user Other; network AS. For the Simple Portal face: tenant kommitt with its back ends, tenant other with one, their
//! mail network, and a customer of kommitt's with all kinds of mailboxes.

use provisor_domain::catalogue::{
    Bar, Catalogue, Contract, Customer, Network, PackKind, PortalAdoption, Product, Template,
    Tenant, TicketType, User,
};
use provisor_domain::mail::MailboxKind;
use provisor_domain::portal::{Pack, PackMeasure, PackValue, PortalId};
use provisor_domain::service::Products;
use provisor_domain::{
    Mailbox, Service, ServiceCode, ServiceStatus, SimRecord, SimState, UserKind,
};
use provisor_engine::hash_password;
use secrecy::SecretString;

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
/// A portal customer of kommitt's that is there already, with mailboxes of all kinds.
pub(crate) const ADOPTED: &str = "10038892";

pub(crate) fn catalogue() -> Catalogue {
    // One hash for all: hashing is what these tests would spend their time on.
    let hash = hash_password(&"Stuttgart".into()).unwrap();
    Catalogue {
        networks: vec![
            Network {
                number_range: Some((
                    "07700900000".parse().unwrap(),
                    "07700900999".parse().unwrap(),
                )),
                ..network("AS", "simulated")
            },
            network("MAIL", "mail"),
        ],
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
            user("MarioG", UserKind::Account, "1000000", &hash),
            user("Other", UserKind::Account, "2000000", &hash),
            user("Sam", UserKind::Service(ServiceCode::new(5_000_002).unwrap()), "1000000", &hash),
            back_end("backend", "kommitt", &hash),
            back_end("stranger", "other", &hash),
        ],
        sims: vec![sim(SIM_1, "1000000"), sim(SIM_LONG, "1000000"), sim(SIM_OTHER, "2000000")],
        services: vec![
            service(5_000_001, SIM_ACTIVE, CLI_ACTIVE, ServiceStatus::Active),
            service(5_000_002, SIM_SAM, "07979123457", ServiceStatus::Active),
            service(5_000_003, SIM_OFF, "07979123458", ServiceStatus::SwitchedOff),
        ],
        tenants: vec![
            Tenant { default: true, ..tenant("kommitt", "rapeedo.net") },
            tenant("other", "example.com"),
        ],
        portal_customers: vec![adopted()],
    }
}

fn network(code: &str, driver: &str) -> Network {
    Network {
        code: code.parse().unwrap(),
        driver: driver.into(),
        number_range: None,
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: serde_json::Map::new(),
    }
}

fn tenant(name: &str, mail_domain: &str) -> Tenant {
    let pack = |name: &str, kind| PackKind { name: name.parse().unwrap(), kind };
    Tenant {
        name: name.parse().unwrap(),
        mail_domain: mail_domain.into(),
        mail: "MAIL".parse().unwrap(),
        mailbox_bytes: 1_000_000,
        mail_kept_days: 30,
        default: false,
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        packs: vec![pack("Mail", PackMeasure::Count), pack("Web", PackMeasure::Size)],
    }
}

fn adopted() -> PortalAdoption {
    let mailbox = |address: &str, kind, forward: Option<&str>, works: bool| Mailbox {
        address: address.parse().unwrap(),
        kind,
        forward: forward.map(|address| address.parse().unwrap()),
        keep_copy: false,
        quota_bytes: 1_000_000,
        kept_until: (!works).then(|| "2100-01-01T00:00:00Z".parse().unwrap()),
    };
    let additional = MailboxKind::Additional;
    PortalAdoption {
        id: PortalId { tenant: "kommitt".parse().unwrap(), customer: ADOPTED.parse().unwrap() },
        enabled: true,
        own_password: true,
        secret: None,
        packs: vec![Pack { name: "Mail".parse().unwrap(), value: PackValue::stored("5") }],
        mailboxes: vec![
            mailbox("10038892@rapeedo.net", MailboxKind::Primary, Some("w@example.com"), true),
            mailbox("gone@rapeedo.net", additional, None, false),
            mailbox("w.away@rapeedo.net", additional, Some("w@example.com"), true),
            mailbox("wolfgang@rapeedo.net", additional, None, true),
        ],
    }
}

fn back_end(name: &str, tenant: &str, hash: &SecretString) -> User {
    User {
        username: name.parse().unwrap(),
        kind: UserKind::Tenant(tenant.parse().unwrap()),
        password_hash: Some(hash.clone()),
        customers: vec![],
        bars: vec![],
        boltons: vec![],
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

fn user(name: &str, kind: UserKind, customer: &str, hash: &SecretString) -> User {
    User {
        username: name.parse().unwrap(),
        kind,
        password_hash: Some(hash.clone()),
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
