//! A disk that fails under the books: full for a while, or broken for good. Whatever the clients are told then, what
//! they were promised holds, and a server on a disk that works again carries it out.

use super::load::Load;
use crate::rig::PROVISOR;

/// A round with this fault injected into calls on the books' log.
fn round(load: &mut Load, syscall: &str, fault: &str) {
    let log = load.world.dir().join("provisor.db-wal").display().to_string();
    let (trace, inject) = (format!("trace={syscall}"), format!("inject={syscall}:{fault}"));
    let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", &log];
    let prefix = [&strace[..], &["-e", &trace, "-e", &inject, PROVISOR]].concat();
    load.round_with_faults(&prefix, &format!("{syscall} {fault}"));
}

#[test]
fn a_full_disk_breaks_no_promise_and_the_server_goes_on_when_there_is_room_again() {
    let mut load = Load::new(4);
    for (from, to) in [(40, 43), (100, 160), (151, 152), (200, 400)] {
        round(&mut load, "pwrite64", &format!("error=ENOSPC:when={from}..{to}"));
    }
    load.finish();
}

#[test]
fn a_disk_that_fails_breaks_no_promise() {
    let mut load = Load::new(5);
    for nth in [8, 21, 34, 55] {
        round(&mut load, "fsync,fdatasync", &format!("error=EIO:when={nth}"));
        round(&mut load, "pwrite64", &format!("error=EIO:when={}", nth * 5));
    }
    load.finish();
}
