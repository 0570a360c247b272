//! The worlds that are measured: two databases with the same SIMs and services, one without any ticket, one with a
//! million finished ones (made by really carrying them out).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use provisor_domain::catalogue::{
    Catalogue, Contract, Customer, Network, PackKind, PortalAdoption, Product, Tenant, User,
};
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::limits::{MAIL_KEPT_DAYS_DEFAULT, MAILBOX_BYTES_DEFAULT};
use provisor_domain::portal::PackMeasure;
use provisor_domain::service::Products;
use provisor_domain::store::{
    ImportRow, NewCredential, NewTicket, Opened, Operations, Origin, SimKeys, SubjectClaim,
    TicketStore, Users,
};
use provisor_domain::ticket::{About, Subject};
use provisor_domain::user::CredentialUse;
use provisor_domain::{Order, Service, ServiceCode, ServiceStatus, UserKind};
use provisor_engine::Credential;
use provisor_store::sqlite::{Options, SqliteStore};

use crate::{Size, drain, report};

pub(crate) const USERNAME: &str = "Bench";
pub(crate) const PASSWORD: &str = "Stuttgart";
pub(crate) const CUSTOMERS: usize = 100;
pub(crate) const TENANT: &str = "bench";
const ROWS: usize = 5_000;

/// Two databases and what a client needs to talk to servers on them.
#[derive(Debug)]
pub(crate) struct Worlds {
    pub(crate) fresh: PathBuf,
    pub(crate) aged: PathBuf,
    pub(crate) credential: String,
}

pub(crate) fn origin() -> Origin {
    Origin { actor: "bench".into(), request_id: None }
}

/// SIMs with a service are `0..services`, those in stock `services..services + sims`.
pub(crate) fn iccid(number: usize) -> String {
    format!("8910390{number:012}")
}

pub(crate) fn cli(number: usize) -> String {
    format!("4477{number:08}")
}

pub(crate) fn imsi(number: usize) -> String {
    format!("90170{number:010}")
}

pub(crate) fn customer(number: usize) -> String {
    format!("{}", 1_000_000 + number % CUSTOMERS)
}

pub(crate) fn contract(number: usize) -> String {
    format!("{}", 200_000_000 + number % CUSTOMERS)
}

/// Builds both worlds below `dir`.
pub(crate) async fn build(dir: &Path, size: &Size) -> Result<Worlds> {
    report::heading(&format!(
        "world: {} SIMs in stock, {} live services, {} customers",
        size.sims, size.services, CUSTOMERS
    ));
    let (fresh, aged) = (dir.join("fresh.db"), dir.join("aged.db"));
    let credential = Credential::generate();
    let began = Instant::now();
    {
        let store = SqliteStore::open(&fresh, Options::default())?;
        catalogue(&store, dir).await?;
        let digest = credential.digest(&store.installation_key().await?).0;
        let new = NewCredential {
            digest,
            label: credential.label().to_owned(),
            usable_for: CredentialUse::Write,
            networks: Vec::new(),
            expires: None,
        };
        store.credential_add(USERNAME.parse()?, new, origin(), SystemClock.now()).await?;
        stock(&store, size).await?;
        services(&store, size).await?;
        portal_customers(&store, size).await?;
    }
    report::figure("built in", began.elapsed().as_secs_f64(), "s");
    std::fs::copy(&fresh, &aged).context("copying the world")?;
    let began = Instant::now();
    age(&aged, dir, size).await?;
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of tickets")]
    let per_second = size.finished as f64 / seconds;
    report::figure(
        &format!("{} tickets opened and carried out", size.finished),
        per_second,
        "tickets/s",
    );
    Ok(Worlds { fresh, aged, credential: credential.reveal().to_owned() })
}

/// The simulated network's settings: no latency; down while the file `<dir>/down` exists.
pub(crate) fn network(dir: &Path) -> Result<Network> {
    let settings = serde_json::json!({ "outage_file": dir.join("down") });
    Ok(Network {
        code: "AS".parse()?,
        driver: "simulated".into(),
        number_range: None,
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: settings.as_object().cloned().unwrap_or_default(),
    })
}

async fn catalogue(store: &SqliteStore, dir: &Path) -> Result<()> {
    let customers: Result<Vec<Customer>> = (0..CUSTOMERS)
        .map(|number| {
            let contract = Contract { code: contract(number).parse()?, name: "Fleet".into() };
            Ok(Customer {
                number: customer(number).parse()?,
                name: format!("Fleet {number}"),
                contracts: vec![contract],
            })
        })
        .collect();
    let customers = customers?;
    let user = User {
        username: USERNAME.parse()?,
        kind: UserKind::Account,
        password_hash: Some(
            provisor_engine::hash_password(&PASSWORD.into())
                .map_err(|error| anyhow::anyhow!("{error}"))?,
        ),
        customers: customers.iter().map(|customer| customer.number.clone()).collect(),
        bars: Vec::new(),
        boltons: Vec::new(),
    };
    let pack = PackKind { name: "Web".parse()?, kind: PackMeasure::Size };
    let tenant = Tenant {
        name: TENANT.parse()?,
        mail_domain: "bench.example".to_owned(),
        mail: "MAIL".parse()?,
        mailbox_bytes: MAILBOX_BYTES_DEFAULT,
        mail_kept_days: MAIL_KEPT_DAYS_DEFAULT,
        default: false,
        networks: vec!["127.0.0.0/8".parse()?],
        packs: vec![pack],
    };
    let mail = Network {
        code: tenant.mail.clone(),
        driver: "mail".to_owned(),
        number_range: None,
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: serde_json::Map::new(),
    };
    let tariff = Product { code: "T".parse()?, name: "T".into(), network: "AS".parse()? };
    let catalogue = Catalogue {
        networks: vec![network(dir)?, mail],
        tenants: vec![tenant],
        tariffs: vec![tariff],
        customers,
        users: vec![user],
        ..Catalogue::default()
    };
    Ok(store.catalogue_write(catalogue, origin(), SystemClock.now()).await?)
}

async fn stock(store: &SqliteStore, size: &Size) -> Result<()> {
    let import = store.sim_import_begin("bench".into(), origin(), SystemClock.now()).await?;
    let numbers: Vec<usize> = (0..size.services + size.sims).collect();
    for chunk in numbers.chunks(ROWS) {
        let rows: Result<Vec<ImportRow>> = chunk
            .iter()
            .map(|&number| {
                Ok(ImportRow {
                    line: number as u64,
                    iccid: iccid(number).parse()?,
                    imsi: Some(imsi(number).parse()?),
                    msisdn: Some(cli(number).parse()?),
                    customer: customer(number).parse()?,
                    network: None,
                    keys: SimKeys::default(),
                })
            })
            .collect();
        let bad = store.sim_import_rows(import, rows?).await?;
        anyhow::ensure!(bad.is_empty(), "rows refused: {bad:?}");
    }
    Ok(store.sim_import_finish(import, SystemClock.now()).await?)
}

pub(crate) fn service(number: usize) -> Result<Service> {
    let code = ServiceCode::FIRST.number() + i64::try_from(number)?;
    Ok(Service {
        code: ServiceCode::new(code).context("code")?,
        name: format!("Tracker {number}").parse()?,
        status: ServiceStatus::Active,
        cli: Some(cli(number).parse()?),
        iccid: iccid(number).parse()?,
        network: "AS".parse()?,
        contract: contract(number).parse()?,
        customer: customer(number).parse()?,
        tariff: "T".parse()?,
        group: None,
        products: Products::default(),
    })
}

async fn services(store: &SqliteStore, size: &Size) -> Result<()> {
    let numbers: Vec<usize> = (0..size.services).collect();
    for chunk in numbers.chunks(ROWS) {
        let services: Result<Vec<Service>> = chunk.iter().map(|&number| service(number)).collect();
        let catalogue = Catalogue { services: services?, ..Catalogue::default() };
        store.catalogue_write(catalogue, origin(), SystemClock.now()).await?;
    }
    Ok(())
}

async fn portal_customers(store: &SqliteStore, size: &Size) -> Result<()> {
    let numbers: Vec<usize> = (0..size.portal_customers).collect();
    for chunk in numbers.chunks(ROWS) {
        let adopted: Result<Vec<PortalAdoption>> = chunk
            .iter()
            .map(|number| {
                Ok(PortalAdoption {
                    id: format!("{TENANT}/{number}").parse()?,
                    enabled: true,
                    own_password: false,
                    secret: None,
                    packs: Vec::new(),
                    mailboxes: Vec::new(),
                })
            })
            .collect();
        let catalogue = Catalogue { portal_customers: adopted?, ..Catalogue::default() };
        store.catalogue_write(catalogue, origin(), SystemClock.now()).await?;
    }
    Ok(())
}

/// Carries out renames, service after service, round after round, until there are `size.finished` tickets.
async fn age(database: &Path, dir: &Path, size: &Size) -> Result<()> {
    let store = SqliteStore::open(database, Options::default())?;
    let mut left = size.finished;
    // Every rename adds one.
    let mut version = sim_version(database)?;
    let runner =
        drain::start(Arc::new(store.clone()), &dir.join("aging.net"), drain::no_latency(), true)
            .await?;
    while left > 0 {
        let round = left.min(size.services);
        for first in (0..round).step_by(1_000) {
            let numbers = first..(first + 1_000).min(round);
            let tickets: Result<Vec<NewTicket>> = numbers.map(|n| rename(n, version)).collect();
            let opened = store.ticket_open(tickets?).await?;
            anyhow::ensure!(
                opened.iter().all(|o| matches!(o, Opened::Ticket(_))),
                "{:?}",
                opened.first()
            );
        }
        drain::wait_for_all(database).await?;
        left -= round;
        version += 1;
    }
    runner.stop().await;
    Ok(())
}

/// The version of the first service's SIM; all others had the same life.
fn sim_version(database: &Path) -> Result<i64> {
    let connection = rusqlite::Connection::open(database)?;
    Ok(connection
        .query_row("SELECT version FROM sim WHERE iccid = ?1", [iccid(0)], |row| row.get(0))?)
}

fn rename(number: usize, version: i64) -> Result<NewTicket> {
    let service = service(number)?;
    Ok(NewTicket {
        order: Order::Rename { name: "Tracker".parse()? },
        subjects: vec![SubjectClaim { subject: Subject::Sim(service.iccid.clone()), version }],
        customer: service.customer,
        network: service.network,
        about: About::Service {
            iccid: service.iccid,
            service: Some(service.code),
            cli: service.cli,
        },
        secret: None,
        origin: origin(),
        idempotency: None,
        raised: SystemClock.now(),
    })
}
