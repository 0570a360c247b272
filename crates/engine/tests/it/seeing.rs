//! What others changed is gone by after a second at most, though nobody watched meanwhile: the process stood still.

use std::sync::Arc;
use std::time::Duration;

use provisor_domain::Username;
use provisor_domain::catalogue::{Catalogue, Tenant};
use provisor_domain::clock::Clock;
use provisor_domain::store::{NewCredential, Operations, Reconcile, UserChange, Users};
use provisor_domain::user::CredentialUse;
use provisor_engine::{Credential, SignInError};

use crate::portal_rig::PortalWorld;
use crate::rig::{HERE, World, origin};
use crate::running::Script;

/// A little more than a second.
const STOOD_STILL: Duration = Duration::from_millis(1_001);

async fn signed_in(world: &World, password: &str) -> bool {
    let password = password.into();
    match world.engine.sign_in().sign_in(Some("MarioG"), Some(&password), HERE).await {
        Ok(_) => true,
        Err(SignInError::Failed) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_revoked_credential_and_a_lock() {
    let world = World::with(Arc::new(Script::obedient())).await;
    let name = || "MarioG".parse::<Username>().unwrap();
    let now = world.clock.now();
    let credential = Credential::generate();
    let new = NewCredential {
        digest: credential.digest(&world.store.installation_key().await.unwrap()).0,
        label: credential.label().to_owned(),
        usable_for: CredentialUse::Read,
        networks: Vec::new(),
        expires: None,
    };
    assert!(world.store.credential_add(name(), new, origin(), now).await.unwrap());
    world.look().await;
    assert!(signed_in(&world, credential.reveal()).await);
    let id = world.store.credential_list(name(), None, 100).await.unwrap().unwrap()[0].id;
    assert!(world.store.credential_revoke(name(), id, origin(), now).await.unwrap());
    world.clock.pass(STOOD_STILL);
    assert!(!signed_in(&world, credential.reveal()).await);

    assert!(signed_in(&world, "Stuttgart").await);
    assert!(
        world.store.user_change(name(), UserChange::Locked(true), origin(), now).await.unwrap()
    );
    world.clock.pass(STOOD_STILL);
    assert!(!signed_in(&world, "Stuttgart").await);
}

#[tokio::test]
async fn maintenance_and_adopting() {
    let world = World::with(Arc::new(Script::obedient())).await;
    let now = world.clock.now();
    let in_maintenance = async || {
        world.clock.pass(STOOD_STILL);
        world.engine.in_maintenance().await.unwrap()
    };
    assert!(!in_maintenance().await);
    world.store.maintenance_set(true, origin(), now).await.unwrap();
    assert!(in_maintenance().await);
    world.store.maintenance_set(false, origin(), now).await.unwrap();
    assert!(!in_maintenance().await);
    assert!(world.store.adopt_begin("restored".into(), origin(), now).await.unwrap());
    assert!(in_maintenance().await);
    assert!(world.engine.is_adopting().await.unwrap());
    assert!(world.store.adopt_finish(origin(), now).await.unwrap());
    assert!(!in_maintenance().await);
}

#[tokio::test]
async fn of_many_who_come_at_once_each_is_told() {
    let world = World::with(Arc::new(Script::obedient())).await;
    world.store.maintenance_set(true, origin(), world.clock.now()).await.unwrap();
    world.clock.pass(STOOD_STILL);
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let engine = world.engine.clone();
            tokio::spawn(async move { engine.in_maintenance().await.unwrap() })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
}

#[tokio::test]
async fn tenants_and_the_networks_they_are_called_from() {
    let portal = PortalWorld::new().await;
    let mut changed = Tenant::clone(&*portal.tenant("kommitt").await);
    changed.networks = vec!["198.51.100.0/24".parse().unwrap()];
    let world = &portal.world;
    let catalogue = Catalogue { tenants: vec![changed.clone()], ..Catalogue::default() };
    world.store.catalogue_write(catalogue, origin(), world.clock.now()).await.unwrap();
    world.clock.pass(STOOD_STILL);
    assert_eq!(portal.tenant("kommitt").await.networks, changed.networks);
}
