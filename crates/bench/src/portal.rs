//! The figures of the Simple Portal face: `access status` against the bare handler, `pack enable` (acknowledged at once,
//! carried out beside it) against `connectService` at a network that is down: both open one ticket a request.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::Result;

use crate::http::{GROUP, connects, measure, queries};
use crate::load::{Load, Rate, Request, Requests};
use crate::process::Server;
use crate::world::{PASSWORD, TENANT, Worlds};
use crate::{Size, report};

/// Measures, and prints.
pub(crate) fn run(worlds: &Worlds, size: &Size) -> Result<()> {
    report::heading(&format!("Simple Portal, {} connections", size.connections));
    let copy = worlds.fresh.with_file_name("portal.db");
    std::fs::copy(&worlds.fresh, &copy)?;
    std::fs::write(worlds.fresh.with_file_name("down"), "")?;
    let (floor, server) = (Server::floor()?, Server::provisor(&copy, GROUP)?);
    let customers = size.portal_customers;
    let works: [(&str, &Server, Requests); 4] = [
        ("floor", &floor, queries(PASSWORD.to_owned(), size.services)),
        ("access status", &server, statuses(customers)),
        ("connectService", &server, connects(worlds.credential.clone(), size.services)),
        ("pack enable", &server, pack_enables(customers)),
    ];
    let next: [Arc<AtomicUsize>; 4] = std::array::from_fn(|_| Arc::default());
    let mut rates: [Vec<Rate>; 4] = std::array::from_fn(|_| Vec::new());
    for _ in 0..size.rounds {
        for (at, (_, server, requests)) in works.iter().enumerate() {
            let (addresses, requests) = (vec![server.address], requests.clone());
            let load = Load { addresses, requests, next: next[at].clone() };
            rates[at].push(measure(server, &load, size)?.0);
        }
    }
    let median = |at: usize| {
        let each: Vec<f64> = rates[at].iter().map(|rate: &Rate| rate.per_second).collect();
        report::median(&each)
    };
    for (at, (name, ..)) in works.iter().enumerate() {
        report::figure(name, median(at), "requests/s");
        if let Some(last) = rates[at].last() {
            report::figure(&format!("{name}, p99"), report::millis(last.p99), "ms");
        }
    }
    report::ratio("access status / floor", median(1) / median(0), 0.55);
    report::ratio("pack enable / connectService", median(3) / median(2), 0.5);
    Ok(())
}

fn statuses(customers: usize) -> Requests {
    Arc::new(move |number| {
        let customer = number.wrapping_mul(7_919) % customers;
        let path = format!("/{TENANT}/ccsimplemailapi/access/{customer}/status");
        Request { path: path.into(), headers: "", body: String::new() }
    })
}

fn pack_enables(customers: usize) -> Requests {
    Arc::new(move |number| {
        // All customers before one comes again, so that nothing is open for it any more.
        let (customer, value) = (number % customers, 1 + number / customers);
        let path = format!("/{TENANT}/ccsimplemailapi/pack/{customer}/enable/web/{value}M");
        Request { path: path.into(), headers: "Prefer: respond-async\r\n", body: String::new() }
    })
}
