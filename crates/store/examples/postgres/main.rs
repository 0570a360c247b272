//! What the store on PostgreSQL costs, without engine or network, beside floors on the same server: single opens, reads of
//! the directory, and a drain (claims and settlements).
//!
//! `cargo run --release -p provisor-store --example postgres -- [--finished 0,1000000,5000000] [--rounds 5] [--seconds 2]
//! [--sims 1000000] [--tickets 20000] [--take 100,1000] [--only opens,reads,drain]`
//!
//! It starts a server of its own (in `TMPDIR`), with one database for each number of finished tickets. Rounds go through
//! everything in turn, figures are medians of the rounds, and what counts are the ratios between lines of one run.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement prints, and stops when it fails"
)]

mod drains;
mod fill;
mod floors;
mod opens;
mod reads;
#[path = "../../tests/it/postgres/rig.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod rig;
#[path = "../world/mod.rs"]
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use provisor_store::postgres::{Options, PostgresStore};

/// What is measured, and how much of it.
pub(crate) struct Size {
    pub(crate) finished: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) seconds: Duration,
    pub(crate) sims: usize,
    pub(crate) tickets: usize,
    pub(crate) takes: Vec<usize>,
    pub(crate) only: Vec<String>,
}

impl Size {
    fn asked() -> Self {
        let mut asked = BTreeMap::new();
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            asked.insert(name, arguments.next().unwrap());
        }
        let mut one = |name: &str, default: &str| {
            asked.remove(&format!("--{name}")).unwrap_or_else(|| default.to_owned())
        };
        let numbers = |list: String| list.split(',').map(|one| one.parse().unwrap()).collect();
        let size = Self {
            finished: numbers(one("finished", "0,1000000,5000000")),
            rounds: one("rounds", "5").parse().unwrap(),
            seconds: Duration::from_secs_f64(one("seconds", "2").parse().unwrap()),
            sims: one("sims", "1000000").parse().unwrap(),
            tickets: one("tickets", "20000").parse().unwrap(),
            takes: numbers(one("take", "1000")),
            only: one("only", "opens,reads,drain").split(',').map(str::to_owned).collect(),
        };
        assert!(asked.is_empty(), "unknown: {asked:?}");
        size
    }

    fn measures(&self, part: &str) -> bool {
        self.only.iter().any(|only| only == part)
    }
}

/// A database with so many finished tickets, and SIMs that nobody has used yet.
pub(crate) struct Place {
    pub(crate) finished: usize,
    pub(crate) database: rig::Database,
    next_sim: usize,
    sims: usize,
}

impl Place {
    /// A store on it.
    pub(crate) async fn store(&self, options: Options) -> PostgresStore {
        PostgresStore::open(&self.database.url, options).await.unwrap()
    }

    /// SIMs that nobody has used yet: the first one's number.
    pub(crate) fn take_sims(&mut self, count: usize) -> usize {
        let first = self.next_sim;
        self.next_sim += count;
        assert!(self.next_sim <= self.sims, "more --sims are needed");
        first
    }
}

/// Figures of all rounds, in the order in which they came first.
#[derive(Default)]
pub(crate) struct Figures(Vec<(String, Vec<f64>)>);

impl Figures {
    pub(crate) fn add(&mut self, name: impl Into<String>, figure: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, figures)) => figures.push(figure),
            None => self.0.push((name, vec![figure])),
        }
    }

    fn rounds(&self, name: &str) -> Option<&[f64]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, figures)| figures.as_slice())
    }

    /// Prints the median of one figure, and the least and greatest.
    pub(crate) fn print(&self) {
        for (name, figures) in &self.0 {
            let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
            let most = figures.iter().copied().fold(0.0, f64::max);
            println!("  {name:<58} {:>9.0}/s  ({least:.0} to {most:.0})", median(figures));
        }
    }

    /// Prints the median of the rounds' ratios.
    pub(crate) fn print_ratio(&self, of: &str, to: &str) {
        let (Some(of_all), Some(to_all)) = (self.rounds(of), self.rounds(to)) else { return };
        let ratios: Vec<f64> = of_all.iter().zip(to_all).map(|(of, to)| of / to).collect();
        println!("  ratio {:.2}: {of} / {to}", median(&ratios));
    }
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// How many a second.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

#[tokio::main]
async fn main() {
    let size = Size::asked();
    rig::SETTINGS.set(floors::SETTINGS).unwrap();
    let mut places = Vec::new();
    for finished in &size.finished {
        places.push(fill::place(*finished, size.sims).await);
    }
    if size.measures("opens") {
        opens::measure(&mut places, &size).await;
    }
    if size.measures("reads") {
        reads::measure(&places, &size).await;
    }
    if size.measures("drain") {
        drains::measure(&mut places, &size).await;
    }
    for place in &places {
        println!("\nwhat cost most, {} finished (ms, calls, rows):", place.finished);
        for line in place.database.table(floors::COSTS) {
            println!("  {line}");
        }
    }
}
