//! Single opens by many callers: as a face does them, with the facts that are read before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use provisor_domain::Scope;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{ConnectAsk, Directory, Opened, TicketStore, Users};
use provisor_store::postgres::{Options, PostgresStore};

use crate::world::{a, connect, customer, iccid, ticket};
use crate::{Figures, Place, Size, fill, floors, per_second};

const RAISE: &str = "floor: pgbench, raise in one statement, 16 clients";
const ORDER: &str = "floor: pgbench, an order's rows in one statement, 16 clients";

/// How many callers, whether they read the facts first, and whether calls share transactions.
const VARIANTS: [(usize, bool, bool); 7] = [
    (1, false, true),
    (16, false, true),
    (64, false, true),
    (64, false, false),
    (1, true, true),
    (64, true, true),
    (64, true, false),
];

fn name((callers, facts, grouped): (usize, bool, bool)) -> String {
    let what = if facts { "connectService (facts, open)" } else { "open" };
    let how = if grouped { "" } else { ", not coalesced" };
    format!("{what}, {callers} callers{how}")
}

/// As many connections as a pool would have, each opening one ticket at a time.
fn options(grouped: bool) -> Options {
    let plain = Options::default();
    if grouped { plain } else { Options { openers: 16, group_max: 1, ..plain } }
}

pub(crate) async fn measure(places: &mut [Place], size: &Size) {
    for place in places {
        let mut figures = Figures::default();
        let mut stores = Vec::new();
        for grouped in [true, false] {
            stores.push(Arc::new(place.store(options(grouped)).await));
        }
        let auth = stores[0].user_auth(a(fill::USER)).await.unwrap().unwrap();
        let scope = Scope { user: auth.id, kind: auth.kind };
        for _ in 0..size.rounds {
            for variant in VARIANTS {
                let store = &stores[usize::from(!variant.2)];
                let opened = opens(place, store, &scope, variant, size.seconds).await;
                figures.add(name(variant), opened);
            }
            figures.add(RAISE, floors::raise(&place.database, fill::LIVE, size.seconds));
            figures.add(ORDER, floors::order(&place.database, fill::LIVE, size.seconds));
            // The next round, and whoever drains afterwards, finds nothing of it.
            floors::forget(&place.database);
        }
        println!("\nopens, {} finished tickets, {} rounds", place.finished, size.rounds);
        figures.print();
        for (callers, facts) in [(64, false), (16, false), (64, true)] {
            figures.print_ratio(&name((callers, facts, true)), RAISE);
            figures.print_ratio(&name((callers, facts, true)), ORDER);
        }
        for facts in [false, true] {
            figures.print_ratio(&name((64, facts, true)), &name((64, facts, false)));
        }
    }
}

async fn opens(
    place: &mut Place,
    store: &Arc<PostgresStore>,
    scope: &Scope,
    (callers, facts, _): (usize, bool, bool),
    seconds: Duration,
) -> f64 {
    let next = Arc::new(AtomicUsize::new(place.take_sims(0)));
    let began = Instant::now();
    let call = |_| {
        let (store, scope, next) = (Arc::clone(store), scope.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            let mut opened = 0;
            while began.elapsed() < seconds {
                let sim = next.fetch_add(1, Ordering::Relaxed);
                open(&store, &scope, sim, facts).await;
                opened += 1;
            }
            opened
        })
    };
    let callers: Vec<_> = (0..callers).map(call).collect();
    let mut opened = 0;
    for caller in callers {
        opened += caller.await.unwrap();
    }
    let took = began.elapsed();
    let used = next.load(Ordering::Relaxed) - place.take_sims(0);
    place.take_sims(used);
    per_second(opened, took)
}

async fn open(store: &PostgresStore, scope: &Scope, sim: usize, facts: bool) {
    let mut version = 1;
    if facts {
        let ask = ConnectAsk {
            scope: scope.clone(),
            iccid: iccid(sim),
            contract: a(&format!("C{}", customer(sim))),
            tariff: a("EU"),
            apns: Vec::new(),
            idempotency: None,
        };
        version = store.connect_facts(ask).await.unwrap().sim.unwrap().sim.version;
    }
    let ticket = ticket(sim, version, connect(sim), None, SystemClock.now());
    let opened = store.ticket_open(vec![ticket]).await.unwrap();
    assert!(matches!(opened[..], [Opened::Ticket(_)]), "{opened:?}");
}
