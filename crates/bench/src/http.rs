//! The HTTP figures: a bare axum handler as the floor, then `queryService` and `connectService` of real servers, in turn.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Result;

use crate::load::{self, Load, Rate, Request, Requests};
use crate::process::Server;
use crate::world::{self, PASSWORD, USERNAME, Worlds};
use crate::{Size, report};

const QUERY: &str = "/api/v1/queryService";
const CONNECT: &str = "/api/v1/connectService";
/// The group-commit limit of a server as it comes, and the one that turns it off.
pub(crate) const GROUP: usize = 256;

const WARM_UP: Duration = Duration::from_millis(500);

/// Everything that is measured in one round.
struct Bench {
    floor: Server,
    fresh: Server,
    aged: Server,
    single: Server,
    query: Requests,
    query_by_credential: Requests,
    connect: Requests,
    connect_by_credential: Requests,
    /// The next SIM of each server's stock.
    stock: [Arc<AtomicUsize>; 3],
}

#[derive(Debug, Default)]
struct Series {
    floor: Vec<f64>,
    query: Vec<f64>,
    query_credential: Vec<f64>,
    query_aged: Vec<f64>,
    connect: Vec<f64>,
    connect_credential: Vec<f64>,
    connect_aged: Vec<f64>,
    connect_single: Vec<f64>,
    cpu: Vec<f64>,
    floor_cpu: Vec<f64>,
    last: Vec<(&'static str, Rate)>,
}

/// Measures, and prints.
pub(crate) fn run(worlds: &Worlds, size: &Size) -> Result<()> {
    report::heading(&format!(
        "HTTP, {} connections, {} rounds of {} s each, medians",
        size.connections, size.rounds, size.seconds
    ));
    let single = worlds.fresh.with_file_name("single.db");
    std::fs::copy(&worlds.fresh, &single)?;
    // The network is down: what is measured is the order, not what carrying it out costs beside it.
    std::fs::write(worlds.fresh.with_file_name("down"), "")?;
    let bench = Bench {
        floor: Server::floor()?,
        fresh: Server::provisor(&worlds.fresh, GROUP)?,
        aged: Server::provisor(&worlds.aged, GROUP)?,
        single: Server::provisor(&single, 1)?,
        query: queries(PASSWORD.to_owned(), size.services),
        query_by_credential: queries(worlds.credential.clone(), size.services),
        connect: connects(PASSWORD.to_owned(), size.services),
        connect_by_credential: connects(worlds.credential.clone(), size.services),
        stock: std::array::from_fn(|_| Arc::new(AtomicUsize::new(0))),
    };
    let ready = report::millis(bench.fresh.ready_after) / 1_000.0;
    let idle = bench.fresh.resident_mib()?;
    let mut series = Series::default();
    for _ in 0..size.rounds {
        bench.round(size, &mut series)?;
    }
    series.print();
    report::heading("one server");
    report::bound("start to ready, a million SIMs", ready, 1.0, "s");
    report::figure("resident memory at the start", idle, "MiB");
    report::bound("resident memory after the load", bench.fresh.resident_mib()?, 150.0, "MiB");
    report::bound("the same with finished tickets", bench.aged.resident_mib()?, 150.0, "MiB");
    Ok(())
}

impl Bench {
    fn round(&self, size: &Size, series: &mut Series) -> Result<()> {
        let query = |server: &Server, requests: &Requests| {
            let (addresses, requests) = (vec![server.address], requests.clone());
            measure(server, &Load { addresses, requests, next: Arc::default() }, size)
        };
        let connect = |server: &Server, requests: &Requests, at: usize| {
            let (addresses, requests, next) =
                (vec![server.address], requests.clone(), self.stock[at].clone());
            measure(server, &Load { addresses, requests, next }, size)
        };
        series.last.clear();
        let (floor, cpu) = query(&self.floor, &self.query)?;
        series.floor_cpu.push(cpu);
        note(&mut series.floor, &mut series.last, "floor", floor);
        let (rate, cpu) = query(&self.fresh, &self.query)?;
        series.cpu.push(cpu);
        note(&mut series.query, &mut series.last, "queryService, password", rate);
        let (rate, _) = query(&self.fresh, &self.query_by_credential)?;
        note(&mut series.query_credential, &mut series.last, "queryService, API credential", rate);
        let (rate, _) = query(&self.aged, &self.query)?;
        note(&mut series.query_aged, &mut series.last, "queryService, finished tickets", rate);
        let (rate, _) = connect(&self.fresh, &self.connect, 0)?;
        note(&mut series.connect, &mut series.last, "connectService, password", rate);
        let by_credential = &self.connect_by_credential;
        let (rate, _) = connect(&self.fresh, by_credential, 0)?;
        let credential = &mut series.connect_credential;
        note(credential, &mut series.last, "connectService, API credential", rate);
        let (rate, _) = connect(&self.aged, by_credential, 1)?;
        note(&mut series.connect_aged, &mut series.last, "connectService, finished tickets", rate);
        let (rate, _) = connect(&self.single, by_credential, 2)?;
        note(&mut series.connect_single, &mut series.last, "connectService, group of one", rate);
        Ok(())
    }
}

/// One measurement, and the server's CPU microseconds a request.
pub(crate) fn measure(server: &Server, load: &Load, size: &Size) -> Result<(Rate, f64)> {
    // Caches are filled before anything is counted.
    load::run(load, size.connections, WARM_UP)?;
    let before = server.cpu()?;
    let rate = load::run(load, size.connections, size.period())?;
    let used = server.cpu()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let each = used.as_secs_f64() * 1e6 / rate.requests.max(1) as f64;
    Ok((rate, each))
}

fn note(
    series: &mut Vec<f64>,
    last: &mut Vec<(&'static str, Rate)>,
    name: &'static str,
    rate: Rate,
) {
    series.push(rate.per_second);
    last.push((name, rate));
}

impl Series {
    fn print(&self) {
        let of = |values: &[f64]| report::median(values);
        for (name, values) in [
            ("floor: bare axum handler with credential look-up", &self.floor),
            ("queryService, password", &self.query),
            ("queryService, API credential", &self.query_credential),
            ("queryService, with finished tickets", &self.query_aged),
            ("connectService, password", &self.connect),
            ("connectService, API credential", &self.connect_credential),
            ("connectService, with finished tickets", &self.connect_aged),
            ("connectService, group of one", &self.connect_single),
        ] {
            report::figure(name, of(values), "requests/s");
        }
        report::figure("server CPU a request, floor", of(&self.floor_cpu), "us");
        report::figure("server CPU a request, queryService", of(&self.cpu), "us");
        report::ratio("queryService / floor", of(&self.query) / of(&self.floor), 0.55);
        report::ratio(
            "queryService with finished tickets / without",
            of(&self.query_aged) / of(&self.query),
            0.9,
        );
        report::ratio(
            "connectService / group of one",
            of(&self.connect_credential) / of(&self.connect_single),
            4.0,
        );
        report::ratio(
            "connectService with finished tickets / without",
            of(&self.connect_aged) / of(&self.connect_credential),
            0.9,
        );
        report::heading("latencies of the last round");
        for (name, rate) in &self.last {
            report::figure(&format!("{name}, p50"), report::millis(rate.p50), "ms");
            report::figure(&format!("{name}, p99"), report::millis(rate.p99), "ms");
        }
    }
}

pub(crate) fn queries(password: String, services: usize) -> Requests {
    Arc::new(move |number| {
        // A stride that visits all services before it repeats one.
        let cli = world::cli(number.wrapping_mul(7_919) % services);
        let body = format!(
            r#"{{"user":{{"username":"{USERNAME}","password":"{password}"}},"service":{{"cli":"{cli}"}}}}"#
        );
        Request { path: QUERY.into(), headers: "", body }
    })
}

pub(crate) fn connects(password: String, services: usize) -> Requests {
    Arc::new(move |number| {
        let number = services + number;
        let (sim, contract) = (world::iccid(number), world::contract(number));
        let body = format!(
            r#"{{"user":{{"username":"{USERNAME}","password":"{password}"}},"sim":"{sim}","contractCode":"{contract}","tariffCode":"T","name":"Tracker {number}"}}"#
        );
        Request { path: CONNECT.into(), headers: "", body }
    })
}
