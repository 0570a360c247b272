//! `provisor demo`: the same server on a throw-away database that holds what the documents' examples need.
//!
//! The world is a catalogue file ([`CATALOGUE`]) and a fleet that is written out as one ([`fleet`]), loaded by the same
//! code as any other. The simulated network is told once about the services that run already, so that it knows them.

mod fleet;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use provisor_domain::catalogue::Catalogue;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::driver::{
    Command, Driver, Element, OnceKey, Outcome, Subscription, Want, Wanted,
};
use provisor_domain::store::Origin;
use provisor_domain::{Imsi, SealedKeys, Service, TicketId};
use provisor_drivers::Surroundings;

use crate::catalogue::{self, Order};
use crate::config::{Config, Role, Settings};
use crate::database::{Database, Schema, Use};
use crate::output::note;

/// The documents' own examples.
const CATALOGUE: &str = include_str!("demo.toml");
/// SIMs that one command tells the network about.
const WANTS_PER_COMMAND: usize = 50;

/// Serves the demo until told to stop; its files are removed at the end.
pub(crate) async fn run(config: &Config) -> Result<ExitCode> {
    let dir = tempfile::Builder::new()
        .prefix("provisor-demo-")
        .tempdir()
        .context("cannot make a temporary folder for the demo")?;
    let database = dir.path().join("demo.db");
    load(&database, dir.path()).await?;
    let settings = Settings {
        database: database.into(),
        role: Role::All,
        networks: Vec::new(),
        data_dir: Some(dir.path().to_owned()),
        ..config.settings.clone()
    };
    let ended = crate::serve::run(&settings, invite).await;
    dir.close().context("the demo's temporary folder could not be removed")?;
    ended
}

/// Fills the database and the simulated network beside it.
async fn load(database: &Path, data_dir: &Path) -> Result<()> {
    let how =
        Use { schema: Schema::Make, readers: 1, writers: 1, group_max: 1, accept_loss: false };
    let store = Database::open(&database.to_owned().into(), how).await?.store;
    let text = format!("{CATALOGUE}\n{}", fleet::catalogue());
    let order = Order {
        file: Path::new("demo.toml"),
        text: &text,
        dry_run: false,
        origin: Origin { actor: "operator:demo".to_owned(), request_id: None },
        now: SystemClock.now(),
    };
    let applied = catalogue::apply(store.as_ref(), order).await?;
    let surroundings = Surroundings::new(data_dir);
    for network in &applied.catalogue.networks {
        let Element::Network(driver) = provisor_drivers::build(network, &surroundings)? else {
            continue;
        };
        let wants = wants(&applied.catalogue, |service| service.network == network.code);
        tell(driver.as_ref(), wants).await?;
    }
    let synced = crate::mail_sync::run(store.as_ref(), data_dir).await?;
    match synced.refused.first() {
        None => Ok(()),
        Some(refused) => bail!("the demo's mail system refused {refused}"),
    }
}

/// What a network must have for the live services that `here` picks.
fn wants(catalogue: &Catalogue, here: impl Fn(&Service) -> bool) -> Vec<Want> {
    let imsi = |service: &Service| -> Option<Imsi> {
        catalogue.sims.iter().find(|sim| sim.iccid == service.iccid)?.imsi.clone()
    };
    let live = catalogue.services.iter().filter(|service| service.status.is_live());
    live.filter(|service| here(service))
        .map(|service| Want {
            iccid: service.iccid.clone(),
            imsi: imsi(service),
            // It has none: its SIMs come from its catalogue.
            keys: SealedKeys::default(),
            state: Wanted::Present(Subscription {
                msisdn: service.cli.clone(),
                tariff: service.tariff.clone(),
                products: service.products.clone(),
            }),
        })
        .collect()
}

async fn tell(driver: &dyn Driver, wants: Vec<Want>) -> Result<()> {
    let ticket = TicketId::new(1).ok_or_else(|| anyhow!("1 is a ticket's number"))?;
    for (epoch, wants) in (0_i64..).zip(wants.chunks(WANTS_PER_COMMAND)) {
        // Older than anything that a ticket will ever send.
        let once = OnceKey { ticket, epoch };
        match driver.ensure(&Command { once, wants: wants.to_vec(), fresh: true }).await {
            Outcome::Done => {}
            other => bail!("the demo's network does not take its services: {other:?}"),
        }
    }
    Ok(())
}

/// Says what to try.
fn invite(address: SocketAddr) {
    let user = r#""user":{"username":"MarioG","password":"Stuttgart"}"#;
    let calls = [
        ("The contracts of a customer", "getContracts", r#""customer":"1000000""#),
        (
            "A service, and what the network says",
            "queryService",
            r#""service":{"cli":"07979123456"}"#,
        ),
        (
            "Connect a SIM: answers with a ticket",
            "connectService",
            r#""sim":"8910390000015161789","name":"IMK Test","contractCode":"200035680","tariffCode":"TEASEU1000MB","APNCodes":"AS_APN_CROUT""#,
        ),
        (
            "Ask for that ticket until it is Completed (put in the number you got)",
            "queryTicket",
            r#""ticket":{"id":"1224"}"#,
        ),
    ];
    note("\nThis is a demo: nothing you do here lasts. Try, in another terminal:\n");
    for (what, method, members) in calls {
        note(format!(
            "# {what}\ncurl -d '{{{user},{members}}}' \\\n  http://{address}/v1/{method}\n"
        ));
    }
    let portal = [
        ("The second document's API: the mailboxes of a customer", "", "mail/10953/list"),
        ("… as XML", "-H 'Force-XML: true' ", "mail/10953/list"),
        (
            "A new customer with a password (its MD5) …",
            "",
            "access/12345/enable/098f6bcd4621d373cade4e832627b4f6",
        ),
        ("… and five mailboxes", "", "pack/12345/enable/mail/5"),
    ];
    for (what, header, path) in portal {
        note(format!("# {what}\ncurl {header}http://{address}/kommitt/ccsimplemailapi/{path}\n"));
    }
    note("Ctrl-C ends it.\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use provisor_domain::catalogue::CatalogueKeys;
    use provisor_domain::driver::NetworkStatus;
    use provisor_domain::store::{Directory, Operations};
    use provisor_domain::{Scope, UserKind};
    use provisor_store::sqlite::{Options, SqliteStore};

    #[tokio::test]
    async fn the_demo_world_is_what_the_document_prints_and_the_network_knows_it() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("demo.db");
        load(&database, dir.path()).await.unwrap();
        let store = SqliteStore::open(&database, Options::default()).unwrap();
        let mario = provisor_domain::store::Users::user_auth(&store, "MarioG".parse().unwrap());
        let scope = Scope { user: mario.await.unwrap().unwrap().id, kind: UserKind::Account };
        let contracts = store.contract_list(scope, "1000000".parse().unwrap()).await.unwrap();
        let told: Vec<_> = contracts
            .iter()
            .map(|c| (c.code.as_str(), c.name.as_str(), c.active_services))
            .collect();
        assert_eq!(told, [("1000274", "MarioG18", 217), ("1900274", "MarioG19", 11)]);
        let network = store.network_list().await.unwrap().remove(0);
        let Element::Network(driver) =
            provisor_drivers::build(&network, &Surroundings::new(dir.path())).unwrap()
        else {
            panic!("{network:?} serves no SIMs");
        };
        let marion = "8944110011462295831".parse().unwrap();
        assert_eq!(driver.status(&marion, None).await, NetworkStatus::Active);
        let free = "8910390000015161789".parse().unwrap();
        assert_eq!(driver.status(&free, None).await, NetworkStatus::Absent);
        let known = store.catalogue_read(CatalogueKeys::default()).await.unwrap();
        assert!(known.tenants.iter().any(|tenant| tenant.name.as_str() == "kommitt"));
    }
}
