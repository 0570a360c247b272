//! Whether the Simple Portal face may be served where the server listens.
//!
//! The document has no authentication, and who is on a tenant's network needs none. So that nobody puts a server on the
//! open net in the belief that it is protected, and nobody wonders why all callers are turned away, a tenant that says
//! neither which networks may call nor who may keeps the server from starting anywhere but on loopback.

use std::collections::HashSet;
use std::net::SocketAddr;

use anyhow::{Result, bail};
use provisor_domain::catalogue::Tenant;
use provisor_domain::limits::USERS_PER_PAGE_MAX;
use provisor_domain::store::Users;
use provisor_domain::{TenantName, UserKind};
use provisor_engine::Engine;

/// Refuses `listen` when it is reachable from elsewhere and a tenant has said nothing about who may call.
pub(crate) async fn check(engine: &Engine, users: &dyn Users, listen: SocketAddr) -> Result<()> {
    let tenants = engine.tenants().await?.all();
    if listen.ip().to_canonical().is_loopback() || tenants.is_empty() {
        return Ok(());
    }
    let back_ends = back_ends(users).await?;
    let mut closed: Vec<&str> = tenants
        .iter()
        .filter(|tenant| !is_open(tenant) && !back_ends.contains(&tenant.name))
        .map(|tenant| tenant.name.as_str())
        .collect();
    if closed.is_empty() {
        return Ok(());
    }
    closed.sort_unstable();
    bail!(
        "the Simple Portal face is not served on {listen}: for tenant {} it is said nowhere who may call from outside \
         this machine. Add `networks` to its [[tenant]] in the catalogue, or give it a back end with `provisor user \
         add NAME --tenant {}`, or listen on a loopback address (--listen 127.0.0.1:{})",
        closed.join(", "),
        closed.first().copied().unwrap_or("NAME"),
        listen.port()
    );
}

/// The tenants that have a back end which may sign in.
async fn back_ends(users: &dyn Users) -> Result<HashSet<TenantName>> {
    let (mut tenants, mut last) = (HashSet::new(), None);
    loop {
        let page = users.user_list(last, USERS_PER_PAGE_MAX).await?;
        last = page.last().map(|user| user.username.clone());
        if last.is_none() {
            return Ok(tenants);
        }
        for user in page.into_iter().filter(|user| !user.locked) {
            if let UserKind::Tenant(tenant) = user.kind {
                tenants.insert(tenant);
            }
        }
    }
}

/// Whether callers from elsewhere need no credentials.
fn is_open(tenant: &Tenant) -> bool {
    tenant.networks.iter().any(|network| !network.addr().to_canonical().is_loopback())
}
