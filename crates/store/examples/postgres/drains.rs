//! Drains: tickets that were opened in full batches are claimed and settled by some workers until none is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{Opened, Settled, TicketStore};
use provisor_store::postgres::{Options, PostgresStore};

use crate::world::{BATCH, claim, connect, customer, iccid, settlements, ticket};
use crate::{Figures, Place, Size, floors, per_second};

/// One connection a worker.
const WORKERS: [usize; 3] = [1, 2, 4];

fn bare(connections: usize) -> String {
    format!("floor: bare insert, 1,000 to a statement, {connections} connections")
}

fn name(finished: usize, workers: usize, take: usize) -> String {
    format!("drain, {finished} finished, {workers} workers, {take} a claim")
}

pub(crate) async fn measure(places: &mut [Place], size: &Size) {
    let mut figures = Figures::default();
    let mut stores = Vec::new();
    for place in places.iter() {
        stores.push(Arc::new(place.store(Options { writers: 4, ..Options::default() }).await));
    }
    let all: Vec<(usize, usize)> =
        size.takes.iter().flat_map(|take| WORKERS.map(|workers| (workers, *take))).collect();
    let sim = |number| (customer(number), iccid(number).to_string());
    let order = serde_json::to_string(&connect(0)).unwrap();
    for _ in 0..size.rounds {
        for (workers, take) in all.iter().copied() {
            for (place, store) in places.iter_mut().zip(&stores) {
                let opened = open(place, store, size.tickets).await;
                figures.add(format!("bulk open, {} finished", place.finished), opened);
                let drained = drain(store, workers, take, size.tickets).await;
                figures.add(name(place.finished, workers, take), drained);
            }
        }
        for connections in [1, 2] {
            let (database, rows) = (&places[0].database, 5 * size.tickets);
            figures.add(
                bare(connections),
                floors::bare(database, rows, connections, sim, &order).await,
            );
        }
    }
    println!("\ndrains of {} tickets, {} rounds", size.tickets, size.rounds);
    figures.print();
    for (workers, take) in all {
        let fresh = name(places[0].finished, workers, take);
        figures.print_ratio(&fresh, &bare(1));
        figures.print_ratio(&fresh, &bare(2));
        for place in &places[1..] {
            figures.print_ratio(&name(place.finished, workers, take), &fresh);
        }
    }
}

async fn open(place: &mut Place, store: &PostgresStore, tickets: usize) -> f64 {
    let first = place.take_sims(tickets);
    let now = SystemClock.now();
    let mut took = Duration::ZERO;
    for from in (first..first + tickets).step_by(BATCH) {
        let sims = from..(first + tickets).min(from + BATCH);
        let batch = sims.map(|sim| ticket(sim, 1, connect(sim), None, now)).collect();
        let began = Instant::now();
        let opened = store.ticket_open(batch).await.unwrap();
        took += began.elapsed();
        assert!(opened.iter().all(|answer| matches!(answer, Opened::Ticket(_))));
    }
    per_second(tickets, took)
}

async fn drain(store: &Arc<PostgresStore>, workers: usize, take: usize, tickets: usize) -> f64 {
    let now = SystemClock.now();
    let began = Instant::now();
    let work = |worker| tokio::spawn(work(Arc::clone(store), worker, take, now));
    let workers: Vec<_> = (1..=workers).map(work).collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap();
    }
    let took = began.elapsed();
    assert_eq!(done, tickets);
    per_second(done, took)
}

/// Claims and settles until nothing is left; answers how many.
async fn work(store: Arc<PostgresStore>, worker: usize, take: usize, now: Timestamp) -> usize {
    let (mut after, mut done) = (None, 0);
    loop {
        let claimed = store.ticket_claim(claim(worker, take, after, now)).await.unwrap();
        after = claimed.last;
        if claimed.leases.is_empty() && !claimed.more {
            return done;
        }
        let settlements = settlements(&claimed.leases, now);
        done += settlements.len();
        let settled = store.ticket_settle(settlements, now).await.unwrap();
        assert!(settled.iter().all(|answer| *answer == Settled::Done));
    }
}
