//! Opening a database on a server, and losing the server.

use std::time::{Duration, Instant};

use provisor_domain::store::{Store, StoreError};

use super::proxy::Proxy;
use super::*;
use crate::conformance::world::{World, a, origin};

/// How long a store may take to find a server that is there again.
const PATIENCE: Duration = Duration::from_secs(30);

fn refusal(url: &str) -> OpenError {
    open(url, OPTIONS).unwrap_err()
}

#[test]
fn a_database_without_anything_of_ours_gets_it_only_when_that_is_wanted() {
    let database = Database::new();
    assert_eq!(
        open(&database.url, Options { make: false, ..OPTIONS }).unwrap_err(),
        OpenError::Empty
    );
    open(&database.url, Options { migrate: false, ..OPTIONS }).unwrap();
    open(&database.url, Options { make: false, ..OPTIONS }).unwrap();
}

#[test]
fn an_address_that_leads_nowhere_is_told_without_its_password() {
    let nowhere = refusal("postgres://provisor:secret@127.0.0.1:1/db");
    assert!(matches!(nowhere, OpenError::Cannot(_)), "{nowhere}");
    let garbled = refusal("postgres://provisor:secret@127.0.0.1:port/db");
    assert!(matches!(garbled, OpenError::Address(_)), "{garbled}");
    for error in [nowhere, garbled] {
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let database = Database::new();
    database.run("CREATE SCHEMA provisor; CREATE TABLE provisor.cake (flavour TEXT)");
    assert_eq!(refusal(&database.url), OpenError::Foreign);
    let tables =
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'provisor'";
    assert_eq!(database.table(tables), ["cake"]);
}

#[test]
fn a_newer_database_is_left_to_the_newer_program() {
    let database = Database::new();
    let (from, known) = block_on(PostgresStore::migrate(&database.url, OPTIONS)).unwrap();
    assert_eq!(from, 0);
    assert_eq!(block_on(PostgresStore::migrate(&database.url, OPTIONS)), Ok((known, known)));
    // A neighbour that has only added something.
    database.run("INSERT INTO provisor.migration (number, oldest) VALUES (2, 1)");
    open(&database.url, Options { migrate: false, ..OPTIONS }).unwrap();
    assert_eq!(
        block_on(PostgresStore::migrate(&database.url, OPTIONS)),
        Ok((known + 1, known + 1))
    );
    // One that has removed what we use.
    database.run("INSERT INTO provisor.migration (number, oldest) VALUES (3, 2)");
    assert_eq!(refusal(&database.url), OpenError::Newer { found: known + 2, known });
}

#[test]
fn an_older_database_is_migrated_only_when_that_is_wanted() {
    let database = Database::new();
    let (_, known) = block_on(PostgresStore::migrate(&database.url, OPTIONS)).unwrap();
    let only = Options { migrate: false, ..OPTIONS };
    open(&database.url, only).unwrap();
    database.run("DELETE FROM provisor.migration");
    let older = open(&database.url, only).unwrap_err();
    assert_eq!(older, OpenError::NeedsMigration { found: 0, known });
}

#[test]
fn a_server_that_loses_what_was_acknowledged_is_refused() {
    let database = Database::new();
    database.run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$");
    let refused = refusal(&database.url);
    assert_eq!(refused, OpenError::LosesData("synchronous_commit".to_owned()));
    open(&database.url, Options { accept_loss: true, ..OPTIONS }).unwrap();
}

#[test]
fn programs_that_create_the_schema_at_once_all_succeed() {
    for _ in 0..6 {
        let database = Database::new();
        std::thread::scope(|scope| {
            let program = || open(&database.url, OPTIONS).map(drop);
            let programs: Vec<_> = (0..6).map(|_| scope.spawn(program)).collect();
            for program in programs {
                program.join().unwrap().unwrap();
            }
        });
    }
}

/// Asks until the answer is not that the database is away.
async fn once_it_is_there<T>(mut ask: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_)) if began.elapsed() < PATIENCE => {
                tokio::task::yield_now().await;
            }
            other => return other.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_finds_its_server_again() {
    let (store, database) = fresh();
    let world = World::with_sims(store, 3).await;
    let first = world.opened(world.connect(0).await).await;
    for sim in [1, 2] {
        let ticket = world.connect(sim).await;
        database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        // What was lost is told and not believed; afterwards everything goes on.
        once_it_is_there(async || world.store.ping().await).await;
        let opened = once_it_is_there(async || world.store.ticket_open(vec![ticket.clone()]).await);
        assert_eq!(opened.await.len(), 1);
        once_it_is_there(async || world.store.maintenance_set(false, origin(), world.start).await)
            .await;
    }
    assert!(world.store.ticket_show(first).await.unwrap().is_some());
    assert_eq!(world.store.ticket_list(crate::conformance::all_tickets()).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_for_another_program() {
    let (store, database) = fresh();
    let key = store.installation_key().await.unwrap();
    crate::conformance::opening::an_opened_ticket_is_there(store).await;
    let other: Arc<dyn Store> = Arc::new(open(&database.url, OPTIONS).unwrap());
    assert_eq!(other.ticket_list(crate::conformance::all_tickets()).await.unwrap().len(), 1);
    assert_eq!(other.installation_key().await.unwrap(), key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_nobody_waits_for_any_more_leaves_nothing() {
    let (store, _database) = fresh();
    let world = World::new(store).await;
    for _ in 0..20 {
        // Dropped at its first await: its transaction is begun and not ended.
        let change = world.store.catalogue_write(
            crate::conformance::world::catalogue(),
            origin(),
            world.start,
        );
        tokio::select! {
            biased;
            _ = change => {}
            () = std::future::ready(()) => {}
        }
    }
    world
        .add_sims(vec![crate::conformance::world::stock_sim(0, crate::conformance::world::MARIO)])
        .await;
    assert_eq!(world.sim(0).await.customer, a(crate::conformance::world::MARIO));
}

/// The address of two servers, which are the same one on two ways.
fn two_ways(database: &Database, first: u16, second: u16) -> String {
    database.url_at(first).replace(&format!(":{first}/"), &format!(":{first},127.0.0.1:{second}/"))
}

async fn at_last<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(2 * PATIENCE, awaited).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_connections_and_says_nothing_is_passed_by() {
    let database = Database::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let first = silent.local_addr().unwrap().port();
    let nowhere = at_last(PostgresStore::open(&database.url_at(first), OPTIONS)).await.unwrap_err();
    assert!(matches!(&nowhere, OpenError::Cannot(why) if why.contains("no answer")), "{nowhere}");
    let url = two_ways(&database, first, Proxy::before(&database).port);
    let store: Arc<dyn Store> =
        Arc::new(at_last(PostgresStore::open(&url, OPTIONS)).await.unwrap());
    at_last(store.ping()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_on_which_nothing_comes_any_more_is_left_for_the_next_server() {
    let database = Database::new();
    let (first, second) = (Proxy::before(&database), Proxy::before(&database));
    let url = two_ways(&database, first.port, second.port);
    let store = Arc::new(at_last(PostgresStore::open(&url, OPTIONS)).await.unwrap());
    let world = World::with_sims(store, 2).await;
    world.opened(world.connect(0).await).await;
    let ticket = world.connect(1).await;
    first.hang();
    let opened = at_last(world.store.ticket_open(vec![ticket.clone()])).await;
    assert!(matches!(opened, Err(StoreError::Unavailable(_))), "{opened:?}");
    // The others have been silent for as long.
    at_last(once_it_is_there(async || world.store.ping().await)).await;
    let opening = once_it_is_there(async || world.store.ticket_open(vec![ticket.clone()]).await);
    assert_eq!(at_last(opening).await.len(), 1);
    at_last(once_it_is_there(async || {
        world.store.maintenance_set(false, origin(), world.start).await
    }))
    .await;
}
