//! Reads of the directory: a service by its number, as queryService asks for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use provisor_domain::store::{Directory, ServiceFound, Users};
use provisor_domain::{Scope, ServiceSelector};
use provisor_store::postgres::{Options, PostgresStore};

use crate::world::{a, msisdn};
use crate::{Figures, Place, Size, fill, floors, per_second};

const FIND: &str = "floor: pgbench, find in one statement, 16 clients";

pub(crate) async fn measure(places: &[Place], size: &Size) {
    for place in places {
        let store = Arc::new(place.store(Options::default()).await);
        let auth = store.user_auth(a(fill::USER)).await.unwrap().unwrap();
        let scope = Scope { user: auth.id, kind: auth.kind };
        let mut figures = Figures::default();
        let name = |callers: usize| format!("queryService, {callers} callers");
        for _ in 0..size.rounds {
            for callers in [1, 16, 64] {
                let found = reads(&store, &scope, callers, size.seconds).await;
                figures.add(name(callers), found);
            }
            figures.add(FIND, floors::find(&place.database, fill::LIVE, size.seconds));
        }
        println!("\nreads, {} finished tickets, {} rounds", place.finished, size.rounds);
        figures.print();
        figures.print_ratio(&name(64), FIND);
    }
}

async fn reads(
    store: &Arc<PostgresStore>,
    scope: &Scope,
    callers: usize,
    seconds: Duration,
) -> f64 {
    let began = Instant::now();
    let call = |caller: usize| {
        let (store, scope) = (Arc::clone(store), scope.clone());
        tokio::spawn(async move {
            let mut found = 0;
            while began.elapsed() < seconds {
                // A prime: callers meet no order.
                let number = (caller * 31_337 + found * 7_919) % fill::SERVICES;
                let selector =
                    ServiceSelector::new(None, Some(msisdn(fill::FIRST_LIVE + number)), None);
                let answer =
                    store.service_find(scope.clone(), selector.unwrap(), false).await.unwrap();
                assert!(matches!(answer, ServiceFound::Found(_)));
                found += 1;
            }
            found
        })
    };
    let callers: Vec<_> = (0..callers).map(call).collect();
    let mut found = 0;
    for caller in callers {
        found += caller.await.unwrap();
    }
    per_second(found, began.elapsed())
}
