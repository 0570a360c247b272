//! The server is killed with SIGKILL, over and over on the same files, while clients keep it busy: at the N-th call of
//! a system call (`strace -e inject`), counted through, and at moments that depend on what was answered so far. After
//! every kill the files are held against the invariants in [`checks`]; at the end everything that was acknowledged has
//! ended.
//!
//! `PROVISOR_CRASH_POINTS` says how many kills both tests make together.

mod checks;
mod load;
mod world;

use crate::rig::*;
use load::Load;

/// Kills of both tests together, unless the environment says otherwise.
const POINTS_DEFAULT: usize = 200;
/// Calls of one thread at which it is killed go up to this number.
const NTH_MAX: usize = 60;

/// What is killed at, and how the N of its points runs: `first`, `first + step`, … (modulo [`NTH_MAX`]).
struct Series {
    syscalls: &'static str,
    first: usize,
    step: usize,
}

/// Writes of pages and log frames, to the books and to the network's file alike, each before it happens.
const WRITES: Series = Series { syscalls: "pwrite64", first: 1, step: 1 };
/// The moments between a write and its durability.
const SYNCS: Series = Series { syscalls: "fdatasync,fsync", first: 1, step: 1 };
/// Answers on their way to the client, and everything else that leaves the process.
const ANSWERS: Series = Series { syscalls: "sendto,writev,write", first: 1, step: 3 };
/// Questions on their way in.
const QUESTIONS: Series = Series { syscalls: "recvfrom,read", first: 30, step: 7 };

fn points() -> usize {
    let set = std::env::var("PROVISOR_CRASH_POINTS").ok();
    set.map_or(POINTS_DEFAULT, |points| points.parse().expect("a number of crash points"))
}

/// One kill at the N-th call of `series`; when the load is over before, at whatever is happening then.
fn kill_at(load: &mut Load, series: &Series, n: usize) {
    let nth = 1 + (series.first - 1 + n * series.step) % NTH_MAX;
    let trace = format!("trace={}", series.syscalls);
    let inject = format!("inject={}:signal=KILL:when={nth}", series.syscalls);
    let strace =
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, PROVISOR];
    let place = format!("{} {nth}", series.syscalls);
    load.round(&strace, &place, load::CALLS_PER_ROUND);
}

#[test]
fn killed_at_its_writes_nothing_is_lost_and_the_network_agrees_with_the_books() {
    let mut load = Load::new(1);
    for n in 0..points() / 2 {
        let series = if n % 3 == 2 { &SYNCS } else { &WRITES };
        kill_at(&mut load, series, n / 3);
    }
    load.finish();
}

#[test]
fn killed_at_its_answers_and_at_random_nothing_is_lost_and_the_network_agrees_with_the_books() {
    let mut load = Load::new(2);
    for n in 0..points() - points() / 2 {
        match n % 4 {
            0 => kill_at(&mut load, &ANSWERS, n / 4),
            1 => kill_at(&mut load, &QUESTIONS, n / 4),
            _ => {
                let calls = load.chance.below(load::CALLS_PER_ROUND);
                load.round(&[PROVISOR], &format!("{calls} answers"), calls);
            }
        }
    }
    load.finish();
}
