//! Applies a file: read, compare, write.

use std::path::Path;

use jiff::Timestamp;
use provisor_domain::PortalId;
use provisor_domain::catalogue::{Catalogue, CatalogueKeys};
use provisor_domain::portal::PortalSecret;
use provisor_domain::store::{Operations, Origin, StoreError};
use secrecy::SecretString;

use super::diff::{self, Change};
use super::file::{self, Tables};
use super::portal::Password;
use super::problems::Problems;
use super::resolve::{self, Resolved};
use crate::password::{self, Hashed, Job};

/// What is to be applied.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    /// The file's name, for messages and for password files beside it.
    pub(crate) file: &'a Path,
    /// What it says.
    pub(crate) text: &'a str,
    /// Only compare.
    pub(crate) dry_run: bool,
    /// Who applies it.
    pub(crate) origin: Origin,
    /// When.
    pub(crate) now: Timestamp,
}

/// What was applied (or would be).
#[derive(Debug)]
pub(crate) struct Applied {
    /// Every entry that is new or differs.
    pub(crate) changes: Vec<Change>,
    /// The part of the catalogue that was written.
    pub(crate) catalogue: Catalogue,
}

/// Why nothing was applied, or it is not known whether it was ([`StoreError::Undecided`]).
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// These things are wrong with the file, each with file and line.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
    /// The file is right, but does not fit what is stored.
    #[error("the database does not take it: {0}")]
    Conflict(String),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// Passwords could not be hashed.
    #[error("{0:#}")]
    Password(anyhow::Error),
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(reason) => Self::Conflict(reason),
            StoreError::Overloaded
            | StoreError::Unavailable(_)
            | StoreError::Undecided(_)
            | StoreError::Broken(_) => Self::Store(error),
        }
    }
}

/// Applies it, all or nothing.
pub(crate) async fn apply(store: &dyn Operations, order: Order<'_>) -> Result<Applied, ApplyError> {
    let mut problems = Problems::new(order.file, order.text);
    let tables = file::read(order.text, &mut problems);
    let known = store.catalogue_read(keys(&tables)).await?;
    let folder = order.file.parent().unwrap_or(Path::new("."));
    let resolved = resolve::resolve(tables, &known, folder, &mut problems);
    if !problems.is_empty() {
        return Err(ApplyError::Wrong(problems.lines()));
    }
    let wanted = with_passwords(resolved, &known, order.dry_run)?;
    let difference = diff::diff(wanted, &known);
    if !order.dry_run && !difference.changes.is_empty() {
        store.catalogue_write(difference.catalogue.clone(), order.origin, order.now).await?;
    }
    Ok(Applied { changes: difference.changes, catalogue: difference.catalogue })
}

/// The SIMs, services and portal customers that the file names.
fn keys(tables: &Tables) -> CatalogueKeys {
    let mut sims: Vec<_> = tables.sims.iter().map(|s| s.body.iccid.get_ref().clone()).collect();
    sims.extend(tables.services.iter().map(|s| s.body.sim.get_ref().clone()));
    sims.sort();
    sims.dedup();
    let named = tables.services.iter().map(|s| s.body.code.get_ref());
    let users = tables.users.iter().filter_map(|u| u.body.service.as_ref());
    let mut services: Vec<_> = named
        .chain(users.map(toml::Spanned::get_ref))
        .filter_map(|code| code.parse().ok())
        .collect();
    services.sort();
    services.dedup();
    let portal = tables.portal_customers.iter().map(|entry| PortalId {
        tenant: entry.body.tenant.get_ref().clone(),
        customer: entry.body.id.get_ref().clone(),
    });
    CatalogueKeys { sims, services, portal_customers: portal.collect() }
}

/// The catalogue with a hash for every user whose password is new. Passwords that fit what is stored are left out.
fn with_passwords(
    resolved: Resolved,
    known: &Catalogue,
    dry_run: bool,
) -> Result<Catalogue, ApplyError> {
    let Resolved { mut catalogue, passwords, portal_passwords } = resolved;
    let stored: std::collections::HashMap<_, Option<SecretString>> =
        known.users.iter().map(|u| (u.username.clone(), u.password_hash.clone())).collect();
    let (mut places, mut jobs) = (Vec::new(), Vec::new());
    for (at, password) in passwords.into_iter().enumerate() {
        let (Some(password), Some(user)) = (password, catalogue.users.get(at)) else { continue };
        let stored = stored.get(&user.username).cloned().flatten();
        jobs.push(Job { password, stored });
        places.push(at);
    }
    let hashed = password::hash_all(&jobs, dry_run).map_err(ApplyError::Password)?;
    for (at, hashed) in places.into_iter().zip(hashed) {
        if let (Hashed::New(hash), Some(user)) = (hashed, catalogue.users.get_mut(at)) {
            user.password_hash = Some(hash);
        }
    }
    adopt_passwords(&mut catalogue, portal_passwords, dry_run)?;
    Ok(catalogue)
}

/// Hashes the passwords of portal customers, all of which are new.
fn adopt_passwords(
    catalogue: &mut Catalogue,
    passwords: Vec<Option<Password>>,
    dry_run: bool,
) -> Result<(), ApplyError> {
    let (mut places, mut jobs) = (Vec::new(), Vec::new());
    for (at, password) in passwords.into_iter().enumerate() {
        if let Some((password, form)) = password {
            places.push((at, form));
            jobs.push(Job { password, stored: None });
        }
    }
    let hashed = password::hash_all(&jobs, dry_run).map_err(ApplyError::Password)?;
    for ((at, form), hashed) in places.into_iter().zip(hashed) {
        if let (Hashed::New(phc), Some(customer)) = (hashed, catalogue.portal_customers.get_mut(at))
        {
            customer.secret = Some(PortalSecret { phc, form });
        }
    }
    Ok(())
}
