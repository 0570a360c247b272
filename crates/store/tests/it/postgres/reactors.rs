//! A store whose callers are on threads with an event loop each: questions gather where they are asked.

use std::collections::BTreeSet;
use std::time::Duration;

use provisor_domain::store::{ChangeAbout, ChangeAsk, ConnectAsk, ServiceFound};
use provisor_domain::{Scope, ServiceSelector};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::*;
use crate::conformance::world::{MARIO, World, a, iccid};

/// The connection that was asked for a service last.
const ASKED_LAST: &str = "SELECT pid::text FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'provisor' AND query LIKE '-- facts.service_code%'
    ORDER BY query_start DESC LIMIT 1";
/// Those that wait for a lock.
const WAIT: &str = "SELECT pid::text FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";
/// Generous: a loaded machine is not a failure. Shorter than the store waits for a lock.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);
/// Generous, too.
const UNDISTURBED_WITHIN: Duration = Duration::from_secs(30);

/// Runtimes of one thread each, which run until what is answered is dropped.
fn reactors(count: usize) -> Vec<(Handle, oneshot::Sender<()>)> {
    let reactor = |_| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (running, ended) = oneshot::channel::<()>();
        let handle = runtime.handle().clone();
        std::thread::spawn(move || drop(runtime.block_on(ended)));
        (handle, running)
    };
    (0..count).map(reactor).collect()
}

/// The small world with one service, and its store for callers on these.
async fn node(
    reactors: &[(Handle, oneshot::Sender<()>)],
) -> (World, Scope, ServiceSelector, Database) {
    let (other, database) = fresh();
    let world = World::with_sims(other, 2).await;
    let service = world.connected(0).await;
    let handles: Vec<_> = reactors.iter().map(|(handle, _)| handle.clone()).collect();
    let options = Options { readers: 2, ..OPTIONS };
    let store = PostgresStore::open_on(&database.url, options, &handles).await.unwrap();
    let node = World { store: Arc::new(store), start: world.start };
    let scope = world.scope("MarioG").await;
    (node, scope, ServiceSelector::by_code(service.code), database)
}

/// Asks for the service there.
async fn asked_on(reactor: &Handle, node: &World, scope: &Scope, selector: &ServiceSelector) {
    let (node, scope, selector) = (node.clone(), scope.clone(), selector.clone());
    let about = ChangeAbout::Nothing;
    let ask = ChangeAsk { scope, selector, about, idempotency: None };
    let asked = reactor.spawn(async move { node.store.change_facts(ask).await });
    let facts = tokio::time::timeout(ANSWERED_WITHIN, asked).await.unwrap();
    assert!(matches!(facts.unwrap().unwrap().service, ServiceFound::Found(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reactor_asks_on_a_connection_of_its_own() {
    let reactors = reactors(2);
    let (node, scope, selector, database) = node(&reactors).await;
    // On a loaded machine a connection is slow now and then, and the other one stands in.
    let undisturbed = async {
        loop {
            let mut asked = [BTreeSet::new(), BTreeSet::new()];
            for _ in 0..4 {
                for (asked, (reactor, _)) in asked.iter_mut().zip(&reactors) {
                    asked_on(reactor, &node, &scope, &selector).await;
                    asked.extend(database.table(ASKED_LAST));
                }
            }
            if asked.iter().all(|asked| asked.len() == 1) && asked[0] != asked[1] {
                return;
            }
        }
    };
    tokio::time::timeout(UNDISTURBED_WITHIN, undisturbed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_slow_holds_up_nobody_elses_questions() {
    let reactors = reactors(2);
    let (node, scope, selector, database) = node(&reactors).await;
    let mut client = rig::connect(&database.url).await.unwrap();
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE provisor.contract").await.unwrap();
    let held_up = {
        let (node, contract, tariff) = (node.clone(), a("1000274"), a("EU"));
        let (scope, iccid) = (scope.clone(), iccid(1));
        let ask = ConnectAsk { scope, iccid, contract, tariff, apns: vec![], idempotency: None };
        reactors[0].0.spawn(async move { node.store.connect_facts(ask).await })
    };
    while database.table(WAIT).is_empty() {
        tokio::task::yield_now().await;
    }
    for (reactor, _) in &reactors {
        for _ in 0..4 {
            asked_on(reactor, &node, &scope, &selector).await;
        }
    }
    lock.commit().await.unwrap();
    let facts = held_up.await.unwrap().unwrap();
    assert_eq!(facts.contract_customer, Some(a(MARIO)));
    asked_on(&reactors[0].0, &node, &scope, &selector).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_on_a_reactor_or_elsewhere_is_answered_his_own() {
    const SIMS: usize = 8;
    let (other, database) = fresh();
    let world = World::with_sims(other, SIMS).await;
    let mut services = Vec::new();
    for sim in 0..SIMS {
        services.push(world.connected(sim).await);
    }
    // Fewer connections than reactors, as many, and more.
    for (reactors, readers) in [(reactors(3), 2), (reactors(2), 2), (reactors(2), 3)] {
        let handles: Vec<_> = reactors.iter().map(|(handle, _)| handle.clone()).collect();
        let options = Options { readers, openers: 2, ..OPTIONS };
        let store = PostgresStore::open_on(&database.url, options, &handles).await.unwrap();
        let node = World { store: Arc::new(store), start: world.start };
        let here = Handle::current();
        let places = handles.iter().chain([&here]).cycle();
        let asks: Vec<_> = services
            .iter()
            .zip(places)
            .map(|(service, place)| {
                let (node, code) = (node.clone(), service.code);
                let asked = place.spawn(async move {
                    node.found("MarioG", ServiceSelector::by_code(code)).await
                });
                (service, asked)
            })
            .collect();
        for (service, asked) in asks {
            assert_eq!(asked.await.unwrap(), *service);
        }
    }
}
