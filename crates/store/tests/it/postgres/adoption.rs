//! The beginning of an adoption, and claims that meet it.

use provisor_domain::store::Lease;

use super::locks::{Other, PATIENCE};
use super::*;
use crate::conformance::world::{World, origin};

/// Until somebody waits to begin an adoption or to claim, or `done`.
async fn adoption_is_waited_for(other: &Other, done: impl Fn() -> bool) {
    let waits = "SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'";
    let waited =
        async { while !done() && other.watch.query(waits, &[]).await.unwrap().is_empty() {} };
    tokio::time::timeout(PATIENCE, waited).await.unwrap();
}

/// A world with an order that needs a number of the range, and somebody else's session.
async fn waiting_for_a_number() -> (World, Other, Database) {
    let (store, database) = fresh();
    let world = World::with_sims(store, 1).await;
    world.opened(world.connect(0).await).await;
    let other = Other::begin(&database).await;
    (world, other, database)
}

fn claim(world: &World) -> tokio::task::JoinHandle<Vec<Lease>> {
    let world = world.clone();
    tokio::spawn(async move { world.claim(1, world.start).await })
}

fn adopt(world: &World) -> tokio::task::JoinHandle<bool> {
    let world = world.clone();
    tokio::spawn(async move {
        let reason = "restored".to_owned();
        world.store.adopt_begin(reason, origin(), world.start).await.unwrap()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_begins_when_the_claims_under_way_have_ended() {
    let (world, other, _database) = waiting_for_a_number().await;
    other.run("SELECT FROM network WHERE code = 'AS' FOR UPDATE").await;
    let claiming = claim(&world);
    other.is_waited_for().await;
    let adopting = adopt(&world);
    adoption_is_waited_for(&other, || adopting.is_finished()).await;
    assert!(!adopting.is_finished(), "a ticket is claimed after the adoption has begun");
    other.run("COMMIT").await;
    assert_eq!(claiming.await.unwrap().len(), 1);
    assert!(adopting.await.unwrap());
    assert!(world.claim(1, world.at(60)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_claims_while_an_adoption_begins_gets_nothing() {
    let (world, other, _database) = waiting_for_a_number().await;
    other.run("SELECT FROM setting WHERE key = 'adopting' FOR UPDATE").await;
    let adopting = adopt(&world);
    other.is_waited_for().await;
    let claiming = claim(&world);
    adoption_is_waited_for(&other, || claiming.is_finished()).await;
    other.run("COMMIT").await;
    assert!(adopting.await.unwrap());
    assert_eq!(claiming.await.unwrap().len(), 0);
}
