//! The server is killed with SIGKILL, over and over on the same files, while clients keep it busy: just before the
//! N-th call of a system call (`strace -e inject`), counted through, and at moments that depend on what was answered
//! so far. After every kill the files are held against the invariants in [`checks`]; at the end everything that was
//! promised has ended.
//!
//! `PROVISOR_CRASH_POINTS` says how many kills both tests make together.

mod checks;
mod client;
mod disk;
mod import;
mod load;
mod world;

use crate::rig::*;
use load::{ANSWERS_PER_ROUND, Load};

/// Kills of both tests together, unless the environment says otherwise.
const POINTS_DEFAULT: usize = 200;

/// What it is killed at. The N of its points runs 1, 1 + `step`, 1 + 2 `step`, … and begins again after `last`; every
/// thread counts for itself, so the one that is busiest with it meets the point.
struct Series {
    syscalls: &'static str,
    /// Only calls on this file of the world.
    file: Option<&'static str>,
    step: usize,
    last: usize,
}

/// Opening files: recovery, migrations, checkpoints, before a server listens.
const START: Series = Series { syscalls: "pwrite64,ftruncate", file: None, step: 1, last: 31 };
/// Each write to the books' log: opening, claiming, settling, and all that goes with them in one transaction.
const BOOKS: Series =
    Series { syscalls: "pwrite64", file: Some("provisor.db-wal"), step: 13, last: 700 };
/// Between the books' writes and their durability.
const SYNCS: Series =
    Series { syscalls: "fdatasync,fsync", file: Some("provisor.db-wal"), step: 3, last: 60 };
/// Each write to the network's log: its change is under way, the books know nothing of it yet.
const NETWORK: Series =
    Series { syscalls: "pwrite64", file: Some("network-AS.db-wal"), step: 5, last: 150 };
/// Checkpoints: both logs are carried over into their databases.
const CHECKPOINTS: Series =
    Series { syscalls: "pwrite64", file: Some("provisor.db"), step: 1, last: 12 };
/// Answers on their way out, and wake-ups of other threads.
const ANSWERS: Series = Series { syscalls: "sendto,writev,write", file: None, step: 3, last: 60 };
/// Questions on their way in.
const QUESTIONS: Series = Series { syscalls: "recvfrom", file: None, step: 3, last: 40 };

fn points() -> usize {
    let set = std::env::var("PROVISOR_CRASH_POINTS").ok();
    set.map_or(POINTS_DEFAULT, |points| points.parse().expect("a number of crash points"))
}

/// The `turn`-th kill of `series`; when the load is over before its point, at whatever is happening then.
fn kill_at(load: &mut Load, series: &Series, turn: usize) {
    let nth = 1 + turn * series.step % series.last;
    let trace = format!("trace={}", series.syscalls);
    let inject = format!("inject={}:signal=KILL:when={nth}", series.syscalls);
    let file = series.file.map(|name| load.world.dir().join(name).display().to_string());
    let mut strace = vec!["strace", "-D", "-f", "-qq", "-o", "/dev/null"];
    strace.extend(file.iter().flat_map(|file| ["-P", file.as_str()]));
    strace.extend(["-e", &trace, "-e", &inject, PROVISOR]);
    let place = format!("call {nth} of {} ({})", series.syscalls, series.file.unwrap_or("any"));
    load.round(&strace, &place, ANSWERS_PER_ROUND);
}

#[test]
fn killed_at_its_writes_nothing_is_lost_and_the_network_agrees_with_the_books() {
    let mut load = Load::new(1);
    let turns = [&BOOKS, &SYNCS, &NETWORK, &START, &CHECKPOINTS];
    for point in 0..points() / 2 {
        kill_at(&mut load, turns[point % turns.len()], point / turns.len());
    }
    load.finish();
}

#[test]
fn killed_at_its_answers_and_at_random_nothing_is_lost_and_the_network_agrees_with_the_books() {
    let mut load = Load::new(2);
    for point in 0..points() - points() / 2 {
        match point % 4 {
            0 => kill_at(&mut load, &ANSWERS, point / 4),
            1 => kill_at(&mut load, &QUESTIONS, point / 4),
            _ => {
                let answers = load.chance.below(ANSWERS_PER_ROUND);
                load.round(&[PROVISOR], &format!("{answers} answers"), answers);
            }
        }
    }
    load.finish();
}
