//! Opening a database on a server, and losing the server.

use std::time::{Duration, Instant};

use provisor_domain::catalogue::CatalogueKeys;
use provisor_domain::store::{Store, StoreError, TicketStore as _};

use super::proxy::Proxy;
use super::*;
use crate::conformance::portal_world::{first_enable, portal};
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

/// As a newer program leaves a database that has removed what this one uses.
const MIGRATED_PAST_US: &str = "INSERT INTO provisor.migration (number, oldest) VALUES (2, 2)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_connection_is_not_used_when_the_database_has_become_too_new() {
    let (store, database) = fresh();
    let world = World::with_sims(store, 1).await;
    let ticket = world.connect(0).await;
    database.run(MIGRATED_PAST_US);
    database.run("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    let told = [
        world.store.ping().await,
        world.store.ticket_open(vec![ticket]).await.map(drop),
        world.store.maintenance_set(true, origin(), world.start).await,
    ];
    for told in told {
        let Err(StoreError::Unavailable(reason)) = &told else { panic!("{told:?}") };
        assert!(reason.contains("newer provisor"), "{reason}");
    }
    assert_eq!(database.table("SELECT count(*)::text FROM provisor.ticket"), ["0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_notices_that_the_database_has_become_too_new() {
    let database = Database::new();
    let own = open(&database.url, OPTIONS).unwrap();
    let world = World::with_sims(Arc::new(own.clone()), 1).await;
    let ticket = world.connect(0).await;
    assert_eq!(own.outdated(), None);
    database.run("INSERT INTO provisor.migration (number, oldest) VALUES (2, 1)");
    world.opened(ticket.clone()).await;
    database.run("INSERT INTO provisor.migration (number, oldest) VALUES (3, 2)");
    let began = Instant::now();
    while own.outdated().is_none() {
        assert!(began.elapsed() < PATIENCE, "it does not notice");
        tokio::task::yield_now().await;
    }
    assert_eq!(own.outdated(), Some(OpenError::Newer { found: 3, known: 1 }));
    // Its connections stand, and carry nothing any more.
    for told in [
        world.store.ping().await,
        world.store.ticket_open(vec![ticket]).await.map(drop),
        world.store.user_auth(a("MarioG")).await.map(drop),
        world.store.ticket_claim(crate::conformance::world::ask(1, world.start)).await.map(drop),
    ] {
        assert!(matches!(&told, Err(StoreError::Unavailable(_))), "{told:?}");
    }
}

/// Something of everything that a node does all day.
async fn a_day(world: &World, sim: usize) {
    let service = world.connected(sim).await;
    world.done(world.change(&service, provisor_domain::Order::Disconnect).await, world.start).await;
    world.opened(first_enable(&portal(&format!("c{sim}")), world.start)).await;
    let mail = provisor_domain::store::ClaimAsk {
        network: a("MAIL"),
        ..crate::conformance::world::ask(1, world.start)
    };
    assert_eq!(world.claim_as(&mail).await.leases.len(), 1);
    world.load(crate::conformance::world::catalogue()).await;
    world.store.catalogue_read(CatalogueKeys::default()).await.unwrap();
    world.store.ticket_list(crate::conformance::all_tickets()).await.unwrap();
    world.store.user_list(None, 10).await.unwrap();
    world.store.portal_page(None).await.unwrap();
    world.store.open_page(None, 10).await.unwrap();
    world.store.queue_stats().await.unwrap();
    world.store.stamp().await.unwrap();
    world.store.network_list().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_goes_on_while_a_newer_program_adds_columns() {
    let database = Database::new();
    // One connection of a kind: each statement is asked on the connection that prepared it before.
    let options = Options { writers: 1, readers: 1, ..OPTIONS };
    let world = World::with_sims(Arc::new(open(&database.url, options).unwrap()), 3).await;
    a_day(&world, 0).await;
    database.run(
        "DO $$ DECLARE name TEXT; BEGIN
           FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'provisor' LOOP
             EXECUTE format('ALTER TABLE provisor.%I ADD COLUMN added_later TEXT', name);
           END LOOP;
         END $$;
         INSERT INTO provisor.migration (number, oldest) VALUES (2, 1)",
    );
    a_day(&world, 1).await;
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
async fn who_listens_at_a_server_that_says_nothing_any_more_hears_from_the_next_one() {
    const SIMS: usize = 60;
    let (other, database) = fresh();
    let world = World::with_sims(other, SIMS).await;
    let (first, second) = (Proxy::before(&database), Proxy::before(&database));
    let url = two_ways(&database, first.port, second.port);
    let listens = Arc::new(at_last(PostgresStore::open(&url, OPTIONS)).await.unwrap());
    let heard = async || {
        let heard = tokio::time::timeout(Duration::from_secs(1), listens.ticket_due());
        heard.await.is_ok()
    };
    let mut sims = 0..SIMS;
    // Orders somewhere else until one of them is heard of.
    let mut hears = async || {
        loop {
            world.opened(world.connect(sims.next().unwrap()).await).await;
            if heard().await {
                return;
            }
        }
    };
    hears().await;
    first.hang();
    // What had arrived before that does not count.
    while heard().await {}
    hears().await;
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
