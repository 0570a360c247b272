//! Brings mail systems in line with the books: after portal customers were adopted, or when a lookup file is lost.
//!
//! Safe beside a running server: what it says carries the version of the books it was read from, and a mail system that
//! was told something newer keeps that.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use provisor_domain::NetworkCode;
use provisor_domain::driver::{Element, Outcome};
use provisor_domain::mail::{Fence, MailCommand, MailDriver};
use provisor_domain::portal::{PortalId, PortalRecord};
use provisor_domain::store::Store;
use provisor_drivers::Surroundings;

use crate::progress::Progress;

/// How often a mail system that is busy is asked again.
const ATTEMPTS: u32 = 20;
/// How long it is left alone in between.
const PAUSE: Duration = Duration::from_millis(250);

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Synced {
    /// How many customers the mail systems were told of.
    pub(crate) told: u64,
    /// What was refused: a customer and why. Mostly somebody changed it meanwhile.
    pub(crate) refused: Vec<String>,
}

/// Tells every mail system what its customers have.
pub(crate) async fn run(store: &dyn Store, data_dir: &Path) -> Result<Synced> {
    let systems = systems(store, data_dir).await?;
    let generation = store.books_generation().await?;
    let mut total = 0;
    each_page(store, async |page| {
        total += page.len() as u64;
        Ok(())
    })
    .await?;
    let mut progress = Progress::new("telling the mail systems", total);
    let mut synced = Synced::default();
    each_page(store, async |page| {
        for (id, record) in page {
            let system = systems.get(id.tenant.as_str());
            let system =
                system.ok_or_else(|| anyhow!("tenant {} has no mail system", id.tenant))?;
            match tell(system.as_ref(), (generation, &id), record).await? {
                Told::Done => synced.told += 1,
                Told::Refused(reason) => synced.refused.push(format!("{id}: {reason}")),
            }
            let done = synced.told + synced.refused.len() as u64;
            progress.at(done, done, "customers");
        }
        Ok(())
    })
    .await?;
    Ok(synced)
}

async fn each_page(
    store: &dyn Store,
    mut work: impl AsyncFnMut(Vec<(PortalId, PortalRecord)>) -> Result<()>,
) -> Result<()> {
    let mut after = None;
    loop {
        let page = store.portal_page(after.take()).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        work(page).await?;
    }
}

/// The mail system of each tenant, by the tenant's name.
async fn systems(
    store: &dyn Store,
    data_dir: &Path,
) -> Result<HashMap<String, Arc<dyn MailDriver>>> {
    let networks = store.network_list().await?;
    let mut built: HashMap<NetworkCode, Arc<dyn MailDriver>> = HashMap::new();
    let mut systems = HashMap::new();
    for tenant in store.tenant_list().await? {
        let known = built.get(&tenant.mail).cloned();
        let driver = if let Some(driver) = known {
            driver
        } else {
            let entry = networks.iter().find(|network| network.code == tenant.mail);
            let entry = entry.with_context(|| format!("there is no network {}", tenant.mail))?;
            let Element::Mail(driver) =
                provisor_drivers::build(entry, &Surroundings::new(data_dir))?
            else {
                bail!("network {} is no mail system", tenant.mail);
            };
            built.insert(tenant.mail.clone(), driver.clone());
            driver
        };
        systems.insert(tenant.name.as_str().to_owned(), driver);
    }
    Ok(systems)
}

/// What a mail system said about one customer.
enum Told {
    Done,
    Refused(String),
}

async fn tell(
    system: &dyn MailDriver,
    (generation, id): (i64, &PortalId),
    record: PortalRecord,
) -> Result<Told> {
    let version = record.customer.as_ref().map_or(0, |customer| customer.version);
    let command = MailCommand {
        fence: Fence { generation, version, ticket: 0, epoch: 0 },
        customer: id.clone(),
        secret: record.secret,
        mailboxes: record.mailboxes,
    };
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        last = match system.ensure(&command).await {
            Outcome::Done => return Ok(Told::Done),
            Outcome::Refused { reason } => return Ok(Told::Refused(reason)),
            Outcome::Later { reason, .. }
            | Outcome::Unavailable { reason }
            | Outcome::Unknown { reason } => reason,
            Outcome::Accepted { .. } => "it answers later, which is not waited for".to_owned(),
        };
        tokio::time::sleep(PAUSE).await;
    }
    bail!("customer {id}: the mail system does not answer: {last}; run the command again")
}
