//! The server is killed with SIGKILL, over and over on the same database, while clients keep it busy: just before the
//! N-th call of a system call (`strace -e inject`), counted through, and at moments that depend on what was answered
//! so far. After every kill what it leaves is held against the invariants in [`checks`]; at the end everything that
//! was promised has ended.
//!
//! `PROVISOR_CRASH_POINTS` says how many kills the tests make on each database. Only those count that hit the point chosen
//! for them while clients were calling and had been answered; deaths during a start come on top, and for a point that
//! the load does not reach another one is tried.

mod chance;
mod checks;
mod client;
mod disk;
mod import;
mod kills;
mod load;
mod order;
mod tampering;
mod world;

use crate::rig::*;
// What the test of a cluster shares with this one.
pub(crate) use chance::Chance;
pub(crate) use checks::{Remains, all_tickets_are_known, remains};
pub(crate) use client::Promise;
pub(crate) use order::{Order, Reply};
pub(crate) use world::{Size, catalogue};

use kills::Kills;
use load::{ANSWERS_PER_ROUND, Death, Load};

/// Kills on each database, unless the environment says otherwise.
const POINTS_DEFAULT: usize = 200;

/// After so many kills a new world takes over, as the books grow with every round and each check reads all of them. On
/// PostgreSQL the end of a world costs the rest of a lease.
fn kills_per_world(kind: Kind) -> usize {
    match kind {
        Kind::Sqlite => 25,
        Kind::Postgres => 50,
    }
}

/// What it is killed at.
enum Place {
    Call(Series),
    /// After so many answers as chance wants.
    Random,
}

/// Calls to be killed at: the N-th, for every N up to `last` before any comes twice. Every thread counts for itself, so
/// the one that is busiest with it meets the point.
struct Series {
    name: &'static str,
    syscalls: &'static str,
    /// Only calls on this file of the world.
    file: Option<&'static str>,
    /// From one N to the next, modulo `last`: about 0.38 of it, so that few points already lie all over the range.
    step: usize,
    /// A prime.
    last: usize,
}

/// Opening files: recovery, migrations, checkpoints, before a server listens.
const START: Place = Place::Call(Series {
    name: "start",
    syscalls: "pwrite64,ftruncate",
    file: None,
    step: 12,
    last: 31,
});
/// Each write to the books' log: opening, claiming, settling, and all that goes with them in one transaction.
const BOOKS: Place = Place::Call(Series {
    name: "books",
    syscalls: "pwrite64",
    file: Some("provisor.db-wal"),
    step: 268,
    last: 701,
});
/// Between the books' writes and their durability.
const SYNCS: Place = Place::Call(Series {
    name: "syncs",
    syscalls: "fdatasync,fsync",
    file: Some("provisor.db-wal"),
    step: 23,
    last: 61,
});
/// Each write to the network's log: its change is under way, the books know nothing of it yet.
const NETWORK: Place = Place::Call(Series {
    name: "network",
    syscalls: "pwrite64",
    file: Some("network-AS.db-wal"),
    step: 58,
    last: 151,
});
/// The same of the mail system.
const MAIL: Place = Place::Call(Series {
    name: "mail",
    syscalls: "pwrite64",
    file: Some("mail/mail.db-wal"),
    step: 38,
    last: 101,
});
/// Checkpoints: the logs are carried over into their databases.
const CHECKPOINTS: Place = Place::Call(Series {
    name: "checkpoints",
    syscalls: "pwrite64",
    file: Some("provisor.db"),
    step: 5,
    last: 13,
});
/// Answers on their way out, and wake-ups of other threads.
const ANSWERS: Place = Place::Call(Series {
    name: "answers",
    syscalls: "sendto,writev,write",
    file: None,
    step: 23,
    last: 61,
});
/// Questions on their way in.
const QUESTIONS: Place =
    Place::Call(Series { name: "questions", syscalls: "recvfrom", file: None, step: 16, last: 41 });

/// What is sent to the database, and answers to callers.
const SENDS: Place =
    Place::Call(Series { name: "sends", syscalls: "sendto", file: None, step: 386, last: 1_009 });
/// What comes from the database, and callers' questions.
const RECEIVES: Place = Place::Call(Series {
    name: "receives",
    syscalls: "recvfrom",
    file: None,
    step: 270,
    last: 709,
});
/// Connecting, looking at the schema, building the networks, before a server listens.
const CONNECTS: Place =
    Place::Call(Series { name: "connects", syscalls: "sendto", file: None, step: 9, last: 23 });

fn points() -> usize {
    let set = std::env::var("PROVISOR_CRASH_POINTS").ok();
    set.map_or(POINTS_DEFAULT, |points| points.parse().expect("a number of crash points"))
}

impl Series {
    /// The `turn`-th point: a server that strace kills there.
    fn kill(&self, load: &mut Load, turn: usize) -> Death {
        let nth = 1 + turn * self.step % self.last;
        let trace = format!("trace={}", self.syscalls);
        let inject = format!("inject={}:signal=KILL:when={nth}", self.syscalls);
        let file = self.file.map(|name| load.world.dir().join(name).display().to_string());
        let mut strace = vec!["strace", "-D", "-f", "-qq", "-o", "/dev/null"];
        strace.extend(file.iter().flat_map(|file| ["-P", file.as_str()]));
        strace.extend(["-e", &trace, "-e", &inject, PROVISOR]);
        let place = format!("call {nth} of {} ({})", self.syscalls, self.file.unwrap_or("any"));
        load.killed_by(&strace, &place)
    }
}

/// Kills servers at `places` in turn until `points` of them died as they should, in worlds with seeds from `seed` on.
#[expect(clippy::print_stderr, reason = "a long run says what it has done")]
fn kill(kind: Kind, places: &[Place], seed: u64, points: usize) {
    let per_world = kills_per_world(kind);
    let (mut kills, mut tickets) = (Kills::default(), 0);
    // Deaths at a start and points out of reach may cost as many rounds again.
    let mut turns = 0..2 * points;
    for seed in seed.. {
        let left = points - kills.under_load();
        // The last one takes what would be too few for a world.
        let here = if left < 2 * per_world { left } else { per_world };
        let enough = kills.under_load() + here;
        let mut load = Load::on(kind, seed);
        while kills.under_load() < enough
            && let Some(turn) = turns.next()
        {
            let (place, turn) = (&places[turn % places.len()], turn / places.len());
            match place {
                Place::Call(series) => kills.count(series.name, series.kill(&mut load, turn)),
                Place::Random => {
                    let answers = 1 + load.chance.below(ANSWERS_PER_ROUND);
                    load.killed_after(answers);
                    kills.count("random", Death::UnderLoad);
                }
            }
        }
        tickets += load.finish();
        eprintln!("{kills}; {tickets} tickets promised");
        kills.reach_their_points();
        if kills.under_load() >= points || turns.is_empty() {
            break;
        }
    }
    assert!(kills.under_load() >= points, "{points} kills were asked for: {kills}");
}

#[test]
fn killed_at_its_writes_nothing_is_lost_and_the_network_agrees_with_the_books() {
    let places = [BOOKS, SYNCS, NETWORK, MAIL, START, CHECKPOINTS];
    kill(Kind::Sqlite, &places, 1_000, points() / 2);
}

#[test]
fn killed_at_its_answers_and_at_random_nothing_is_lost_and_the_network_agrees_with_the_books() {
    let places = [ANSWERS, QUESTIONS, Place::Random, Place::Random];
    kill(Kind::Sqlite, &places, 2_000, points() - points() / 2);
}

#[test]
fn on_postgres_killed_at_what_it_sends_and_hears_nothing_is_lost() {
    let places = [SENDS, RECEIVES, SENDS, CONNECTS];
    kill(Kind::Postgres, &places, 3_000, points() / 2);
}

#[test]
fn on_postgres_killed_at_the_networks_writes_and_at_random_nothing_is_lost() {
    let places = [NETWORK, MAIL, Place::Random];
    kill(Kind::Postgres, &places, 4_000, points() - points() / 2);
}
