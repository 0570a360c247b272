//! What must hold on the files of a server that is dead, whenever it died.
//!
//! The books and the simulated network are two databases. For a SIM without an open ticket they must agree; one with
//! an open ticket may be on either side of its change.

use std::collections::{BTreeMap, BTreeSet};

use provisor_drivers::simulator::Simulator;
use rusqlite::{Connection, OpenFlags};

use super::client::Promise;
use crate::rig::World;

/// The books, for reading only.
pub(super) fn books(world: &World) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(world.database(), flags).expect("the books can be opened")
}

/// Rules as queries that find those who break them.
const RULES: [(&str, &str); 8] = [
    (
        "at most one open ticket per SIM",
        "SELECT iccid FROM ticket WHERE finished_at IS NULL GROUP BY iccid HAVING count(*) > 1",
    ),
    (
        "every open ticket holds its SIM's lock",
        "SELECT id FROM ticket WHERE finished_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM subject_lock WHERE subject = 'sim:' || iccid AND ticket_id = id)",
    ),
    (
        "no lock without its open ticket",
        "SELECT subject FROM subject_lock JOIN ticket ON id = ticket_id WHERE finished_at IS NOT NULL",
    ),
    (
        "no service without its completed connect ticket, and one of each",
        "SELECT code FROM service WHERE 1 <> (SELECT count(*) FROM ticket
             WHERE kind = 'connect' AND state = 'completed' AND ticket.service = code)
         UNION ALL
         SELECT id FROM ticket WHERE kind = 'connect' AND state = 'completed' AND service IS NULL",
    ),
    (
        "a SIM is in use exactly while it is in a live service",
        "SELECT iccid FROM sim WHERE (state = 'in_use') <> EXISTS (
             SELECT 1 FROM service WHERE service.iccid = sim.iccid AND status IN ('A', 'B'))",
    ),
    (
        "contracts count their live services",
        "SELECT code FROM contract WHERE active_services <> (
             SELECT count(*) FROM service WHERE contract = contract.code AND status IN ('A', 'B'))",
    ),
    (
        "a live service is barred exactly while a suspending bar is on it",
        "SELECT code FROM service WHERE status IN ('A', 'B') AND (status = 'B') <> (bars <> '[]')",
    ),
    (
        "a number that is used is in a live service or reserved by an open ticket",
        "SELECT msisdn FROM number WHERE state = 'used'
             AND NOT EXISTS (SELECT 1 FROM service WHERE cli = msisdn AND status IN ('A', 'B'))
             AND NOT EXISTS (SELECT 1 FROM ticket WHERE cli = msisdn AND finished_at IS NULL)",
    ),
];

/// Checks everything; `place` names where the server was killed.
pub(super) fn files(world: &World, promises: &[Promise], place: &str) {
    let books = books(world);
    for pragma in ["integrity_check", "foreign_key_check"] {
        let said = column(&books, &format!("PRAGMA {pragma}"));
        assert!(said.is_empty() || said == ["ok"], "{pragma} after {place}: {said:?}");
    }
    for (rule, broken_by) in RULES {
        let broken = column(&books, broken_by);
        assert!(broken.is_empty(), "after {place}, not so: {rule}: {broken:?}");
    }
    promises_are_kept(&books, promises, place);
    network_agrees(world, &books, place);
}

/// Everything in the first column, as text.
fn column(books: &Connection, query: &str) -> Vec<String> {
    let mut statement = books.prepare(query).unwrap_or_else(|error| panic!("{error}: {query}"));
    let rows = statement.query_map([], |row| {
        let value: rusqlite::types::Value = row.get(0)?;
        Ok(match value {
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        })
    });
    rows.expect("the query runs").collect::<Result<_, _>>().expect("its rows can be read")
}

/// Every ticket that a client was given is in the books, for what the client had asked.
fn promises_are_kept(books: &Connection, promises: &[Promise], place: &str) {
    let mut statement = books.prepare("SELECT id, kind, iccid FROM ticket").expect("tickets");
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?, (row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
    });
    let written: BTreeMap<i64, (String, String)> =
        rows.expect("tickets").collect::<Result<_, _>>().expect("tickets");
    let mut seen = BTreeSet::new();
    for Promise { ticket, kind, sim } in promises {
        let asked = ((*kind).to_owned(), sim.clone());
        assert_eq!(written.get(ticket), Some(&asked), "ticket {ticket} after {place}");
        assert!(seen.insert(ticket), "ticket {ticket} was given to two clients");
    }
}

/// There is no ticket that no client knows: an order without an answer was repeated under its key, and a repetition
/// finds the ticket that the first one had raised.
pub(super) fn all_tickets_are_known(world: &World, promises: &[Promise]) {
    let known: BTreeSet<String> = promises.iter().map(|p| p.ticket.to_string()).collect();
    let query = "SELECT CAST(id AS TEXT) FROM ticket";
    let written: BTreeSet<String> = column(&books(world), query).into_iter().collect();
    assert_eq!(written, known, "tickets in the books (left), tickets that clients know (right)");
}

/// A SIM at the network: its number, tariff, APNs, and whether it is suspended.
type Served = (Option<String>, String, String, bool);

/// Without an open ticket, the network serves a SIM exactly as the books say.
fn network_agrees(world: &World, books: &Connection, place: &str) {
    let open: BTreeSet<String> =
        column(books, "SELECT iccid FROM ticket WHERE finished_at IS NULL").into_iter().collect();
    let mut statement = books
        .prepare(
            "SELECT iccid, cli, tariff, apns, status = 'B' FROM service WHERE status IN ('A', 'B')",
        )
        .expect("services");
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
    });
    let mut wanted: BTreeMap<String, Served> =
        rows.expect("services").collect::<Result<_, _>>().expect("services");
    let subscribers = Simulator::subscribers(&world.dir().join("network-AS.db"));
    // Killed while it made the network's file: until it is whole, no ticket can have been carried out.
    let untouched = || column(books, "SELECT ticket_id FROM attempt LIMIT 1").is_empty();
    let mut has: BTreeMap<String, Served> = subscribers
        .or_else(|error| if untouched() { Ok(Vec::new()) } else { Err(error) })
        .unwrap_or_else(|error| panic!("the network's file after {place}: {error}"))
        .into_iter()
        .map(|subscriber| {
            let subscription = subscriber.subscription;
            let apns = serde_json::to_string(&subscription.products.apns).expect("JSON");
            let number = subscription.msisdn.map(|number| number.to_string());
            let tariff = subscription.tariff.to_string();
            (subscriber.iccid.to_string(), (number, tariff, apns, subscriber.suspended))
        })
        .collect();
    wanted.retain(|sim, _| !open.contains(sim));
    has.retain(|sim, _| !open.contains(sim));
    assert_eq!(has, wanted, "the network (left) and the books (right) after {place}");
}

/// Each of these breaks what one check looks for: in the books, or in the network's file.
const TAMPERING: [(&str, &str); 7] = [
    ("provisor.db", "UPDATE contract SET active_services = active_services + 1"),
    ("provisor.db", "DELETE FROM ticket WHERE id = (SELECT max(id) FROM ticket)"),
    ("provisor.db", "UPDATE ticket SET kind = 'rename' WHERE kind = 'connect'"),
    ("provisor.db", "UPDATE sim SET state = 'stock' WHERE state = 'in_use'"),
    ("provisor.db", "INSERT INTO subject_lock SELECT 'sim:0', max(id) FROM ticket"),
    ("network-AS.db", "DELETE FROM subscriber WHERE iccid = (SELECT max(iccid) FROM subscriber)"),
    ("network-AS.db", "UPDATE subscriber SET suspended = 1 - suspended"),
];

#[test]
fn the_checks_find_what_is_wrong() {
    let mut load = super::load::Load::new(3);
    load.killed_after(super::load::ANSWERS_PER_ROUND);
    load.drain();
    for (file, tampering) in TAMPERING {
        let path = load.world.dir().join(file);
        let database = Connection::open(&path).expect("the file");
        let kept = path.with_extension("kept");
        database.execute("VACUUM INTO ?1", [kept.to_str()]).expect("a copy");
        database.pragma_update(None, "foreign_keys", false).expect("a pragma");
        let changed = database.execute(tampering, []).expect("it can be tampered with");
        assert!(changed > 0, "{tampering} changes nothing");
        let checked = std::panic::catch_unwind(|| load.check("tampering"));
        assert!(checked.is_err(), "nobody notices: {tampering}");
        drop(database);
        std::fs::rename(&kept, &path).expect("the copy comes back");
    }
    load.check("putting it right again");
}
