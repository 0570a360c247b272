//! The checks themselves are checked: what they look for is broken, and they must notice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::checks::{self, Remains};
use super::load::{ANSWERS_PER_ROUND, Load};
use crate::rig::*;

/// What is tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Books,
    Network,
    Mail,
}

/// Each of these breaks what one check looks for. TICKETS is [`Books::tickets`].
const TAMPERING: [(Part, &str); 12] = [
    (Part::Books, "DELETE FROM portal_request WHERE sequence = 1 AND relation = 'packs'"),
    (Part::Books, "UPDATE portal_customer SET enabled = NOT enabled"),
    (Part::Books, "UPDATE mailbox SET kept_until = coalesce(kept_until, 1)"),
    (Part::Mail, "UPDATE mailbox SET kept_until = CASE WHEN kept_until IS NULL THEN 1 END"),
    (Part::Mail, "DELETE FROM mailbox WHERE address = (SELECT max(address) FROM mailbox)"),
    (Part::Books, "UPDATE contract SET active_services = active_services + 1"),
    (
        Part::Books,
        "DELETE FROM TICKETS WHERE id = (SELECT max(id) FROM ticket WHERE kind <> 'reassert')",
    ),
    (Part::Books, "UPDATE TICKETS SET kind = 'rename' WHERE kind = 'connect'"),
    (Part::Books, "UPDATE sim SET state = 'stock' WHERE state = 'in_use'"),
    (Part::Books, "INSERT INTO subject_lock SELECT 'sim:0', max(id) FROM ticket"),
    (Part::Network, "DELETE FROM subscriber WHERE iccid = (SELECT max(iccid) FROM subscriber)"),
    (Part::Network, "UPDATE subscriber SET suspended = 1 - suspended"),
];

/// What a world must have for all of them.
const WORTH_TAMPERING: [&str; 3] = [
    "SELECT par_cust_id FROM portal_request WHERE relation = 'packs'",
    "SELECT address FROM mailbox WHERE kept_until IS NULL",
    "SELECT iccid FROM service WHERE status IN ('A', 'B')",
];

/// A copy of a file of the network's or of the mail system's, tampered with.
fn copy(file: &Path, tampering: &str) -> PathBuf {
    let copy = file.with_extension("copy");
    let _there_is_none_yet = std::fs::remove_file(&copy);
    let original = Connection::open(file).expect("the file");
    original.execute("VACUUM INTO ?1", [copy.to_str()]).expect("a copy");
    let changed = Connection::open(&copy).expect("the copy").execute(tampering, []);
    assert_ne!(changed.expect("it can be tampered with"), 0, "{tampering} changes nothing");
    copy
}

fn the_checks_find_what_is_wrong_on(kind: Kind) {
    let mut load = Load::on(kind, 3);
    eventually_within(
        Duration::from_mins(5),
        "a world in which everything can be tampered with",
        || {
            load.killed_after(ANSWERS_PER_ROUND);
            load.drain();
            let books = load.world.books();
            let all = WORTH_TAMPERING.iter().all(|query| !books.rows(query).is_empty());
            all.then_some(())
        },
    );
    let promises = load.promises();
    for (part, tampering) in TAMPERING {
        let mut remains = Remains::of(&load.world);
        let mut copied = None;
        match part {
            Part::Network => remains.network = copy(&remains.network, tampering),
            Part::Mail => remains.mail = copy(&remains.mail, tampering),
            Part::Books => {
                // A server copies what nobody is connected to.
                drop(remains.books);
                let (books, database) = load.world.copy_of_books();
                let sql = tampering.replace("TICKETS", books.tickets());
                assert_ne!(books.tamper(&sql), 0, "{tampering} changes nothing");
                (remains.books, copied) = (books, database);
            }
        }
        let check = || checks::remains(&remains, &promises, "tampering");
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        assert!(checked.is_err(), "nobody notices: {tampering}");
        drop(copied);
    }
    load.check("nothing was tampered with");
}

#[test]
fn the_checks_find_what_is_wrong() {
    the_checks_find_what_is_wrong_on(Kind::Sqlite);
}

#[test]
fn the_checks_find_what_is_wrong_on_postgres() {
    the_checks_find_what_is_wrong_on(Kind::Postgres);
}
