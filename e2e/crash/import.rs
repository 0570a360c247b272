//! `provisor sim import`, killed at its writes (or at what it sends to a server): the whole file lands, or nothing of it can be seen, and the next
//! import is not in the way of the one that died.

use std::fmt::Write as _;

use crate::rig::*;

/// More than two batches.
const ROWS: usize = 11_000;
const FIRST_POINT: usize = 1;

/// How many SIMs of the import callers can see.
fn landed(world: &World) -> usize {
    let rows = "SELECT iccid FROM landed_sim WHERE iccid LIKE '89103900003%'";
    world.books_at_rest().rows(rows).len()
}

fn an_import_that_dies_leaves_nothing_that_can_be_seen_on(kind: Kind, syscall: &str) {
    let world = World::on(kind, BASE);
    let mut csv = String::from("iccid,imsi,msisdn,customer\n");
    for n in 0..ROWS {
        writeln!(csv, "89103900003{n:08},90171{n:010},,1000000").expect("writing to a String");
    }
    let file = world.file("many.csv", &csv);
    let (mut point, mut kills) = (FIRST_POINT, 0);
    loop {
        let trace = format!("trace={syscall}");
        let inject = format!("inject={syscall}:signal=KILL:when={point}");
        let strace = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let url = world.database_url();
        let import = [PROVISOR, "sim", "import", &file, "--database", &url];
        let mut command = command("strace", world.dir());
        let output = command.args(strace).args(import).output().expect("strace is installed");
        if output.status.success() {
            break;
        }
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        assert_eq!(signal, Some(9), "at write {point}: {output:?}");
        // Its very last writes may have come after the moment at which everything became visible.
        let seen = landed(&world);
        assert!(seen == 0 || seen == ROWS, "{seen} rows are visible after write {point}");
        if seen == ROWS {
            break;
        }
        kills += 1;
        point = point * 4 / 3 + 1;
    }
    assert!(kills >= 8, "killed only {kills} times");
    if landed(&world) == 0 {
        world.cli(&["sim", "import", &file]).succeeded();
    }
    assert_eq!(landed(&world), ROWS);
}

#[test]
fn an_import_that_dies_leaves_nothing_that_can_be_seen() {
    an_import_that_dies_leaves_nothing_that_can_be_seen_on(Kind::Sqlite, "pwrite64");
}

#[test]
fn an_import_that_dies_leaves_nothing_that_can_be_seen_on_postgres() {
    an_import_that_dies_leaves_nothing_that_can_be_seen_on(Kind::Postgres, "sendto");
}
