//! A disk that fails under the books: full for a while, or broken for good. Whatever the clients are told then, what
//! they were promised holds, and a server on a disk that works again carries it out.

use super::load::Load;
use crate::rig::{Kind, PROVISOR};

/// A tracer that injects this fault into calls on the books' log.
fn with_fault(load: &Load, syscall: &str, fault: &str) -> Vec<String> {
    let log = load.world.dir().join("provisor.db-wal").display().to_string();
    let (trace, inject) = (format!("trace={syscall}"), format!("inject={syscall}:{fault}"));
    let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", &log];
    [&strace[..], &["-e", &trace, "-e", &inject, PROVISOR]]
        .concat()
        .into_iter()
        .map(Into::into)
        .collect()
}

#[test]
fn a_full_disk_breaks_no_promise_and_the_server_goes_on_when_there_is_room_again() {
    let mut load = Load::on(Kind::Sqlite, 4);
    for (from, to) in [(40, 43), (100, 160), (151, 152), (200, 400)] {
        let fault = format!("error=ENOSPC:when={from}..{to}");
        let prefix = with_fault(&load, "pwrite64", &fault);
        let prefix: Vec<&str> = prefix.iter().map(String::as_str).collect();
        load.round_with_a_full_disk(&prefix, &fault);
    }
    load.finish();
}

#[test]
fn a_disk_that_fails_breaks_no_promise_and_ends_the_server() {
    let mut load = Load::on(Kind::Sqlite, 5);
    let mut ended = 0;
    for nth in [8, 21, 34, 55] {
        for (syscall, nth) in [("fsync,fdatasync", nth), ("pwrite64", nth * 5)] {
            let prefix = with_fault(&load, syscall, &format!("error=EIO:when={nth}"));
            let prefix: Vec<&str> = prefix.iter().map(String::as_str).collect();
            let by_itself =
                load.round_with_a_failing_disk(&prefix, &format!("EIO of {syscall} {nth}"));
            ended += usize::from(by_itself);
        }
    }
    assert_eq!(ended, 8, "every one of these failures ends the server");
    load.finish();
}
