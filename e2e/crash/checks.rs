//! What must hold on the files of a server that is dead, whenever it died.
//!
//! The books and the simulated network are two databases. For a SIM without an open ticket they must agree; one with
//! an open ticket may be on either side of its change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use provisor_drivers::mail::MailStore;
use provisor_drivers::simulator::Simulator;
use rusqlite::{Connection, OpenFlags};
use secrecy::ExposeSecret;

use super::client::Promise;
use super::order::Name;
use crate::rig::{World, eventually_within};

/// The books, for reading only.
pub(super) fn books(world: &World) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(world.database(), flags).expect("the books can be opened")
}

/// Rules as queries that find those who break them.
const RULES: [(&str, &str); 14] = [
    (
        "at most one open ticket per SIM or portal customer",
        "SELECT id FROM ticket WHERE finished_at IS NULL
             GROUP BY customer, iccid, par_cust_id HAVING count(*) > 1",
    ),
    (
        "every open ticket holds its subject's lock",
        "SELECT id FROM ticket WHERE finished_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM subject_lock WHERE ticket_id = id
                 AND subject = coalesce('sim:' || iccid, 'portal:' || customer || '/' || par_cust_id))",
    ),
    (
        "requests are numbered without gaps",
        "SELECT relation FROM portal_request GROUP BY tenant, relation
             HAVING min(sequence) <> 1 OR max(sequence) <> count(*)",
    ),
    (
        "every ticket for a portal customer has its number",
        "SELECT id FROM ticket WHERE par_cust_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM portal_request WHERE ticket_id = id)",
    ),
    (
        "a password is kept beside open tickets only, and beside every open enable",
        "SELECT ticket_id FROM ticket_secret JOIN ticket ON id = ticket_id WHERE finished_at IS NOT NULL
         UNION ALL
         SELECT id FROM ticket WHERE kind = 'portal_enable' AND finished_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM ticket_secret WHERE ticket_id = id)",
    ),
    (
        "a portal customer exists exactly when an enable of it was completed",
        "SELECT par_cust_id FROM portal_customer WHERE NOT EXISTS (
             SELECT 1 FROM ticket WHERE ticket.par_cust_id = portal_customer.par_cust_id
                 AND kind = 'portal_enable' AND state = 'completed')
         UNION ALL
         SELECT par_cust_id FROM ticket WHERE kind = 'portal_enable' AND state = 'completed'
             AND NOT EXISTS (SELECT 1 FROM portal_customer
                 WHERE portal_customer.par_cust_id = ticket.par_cust_id)",
    ),
    (
        "a portal customer is as its last completed request for its log-in left it",
        "SELECT par_cust_id FROM portal_customer WHERE enabled <> (
             SELECT kind = 'portal_enable' FROM ticket
             WHERE ticket.par_cust_id = portal_customer.par_cust_id AND state = 'completed'
                 AND kind IN ('portal_enable', 'portal_disable') ORDER BY id DESC LIMIT 1)",
    ),
    (
        "mailboxes work exactly while their customer has a mail pack",
        "SELECT par_cust_id FROM portal_customer WHERE
             EXISTS (SELECT 1 FROM portal_pack WHERE portal_pack.par_cust_id = portal_customer.par_cust_id)
          <> EXISTS (SELECT 1 FROM mailbox WHERE mailbox.par_cust_id = portal_customer.par_cust_id
                 AND kept_until IS NULL)",
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
    mail_system_agrees(world, &books, place);
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

/// Everything that a client was given is in the books, for what the client had asked.
fn promises_are_kept(books: &Connection, promises: &[Promise], place: &str) {
    let sql = "SELECT id, relation, sequence, kind, coalesce(iccid, ticket.par_cust_id)
               FROM ticket LEFT JOIN portal_request ON ticket_id = id";
    let mut statement = books.prepare(sql).expect("tickets");
    let rows = statement.query_map([], |row| {
        let name = match row.get::<_, Option<String>>(1)?.as_deref() {
            None => Name::Ticket(row.get(0)?),
            Some("access") => Name::Request("access", row.get(2)?),
            Some(_) => Name::Request("packs", row.get(2)?),
        };
        Ok((name, (row.get::<_, String>(3)?, row.get::<_, String>(4)?)))
    });
    let written: BTreeMap<Name, (String, String)> =
        rows.expect("tickets").collect::<Result<_, _>>().expect("tickets");
    let mut seen = BTreeSet::new();
    for Promise { name, kind, subject } in promises {
        let asked = ((*kind).to_owned(), subject.clone());
        assert_eq!(written.get(name), Some(&asked), "{name:?} after {place}");
        assert!(seen.insert(name), "{name:?} was given to two clients");
    }
}

/// There is no ticket that no client knows: an order without an answer was repeated under its key, and a repetition
/// finds the ticket that the first one had raised. Of requests, which cannot be repeated, at most `lost` are unknown.
pub(super) fn all_tickets_are_known(world: &World, promises: &[Promise], lost: usize) {
    let (mut known, mut requests) = (BTreeSet::new(), 0);
    for promise in promises {
        match promise.name {
            Name::Ticket(id) => drop(known.insert(id.to_string())),
            Name::Request(..) => requests += 1,
        }
    }
    let query = "SELECT CAST(id AS TEXT) FROM ticket WHERE iccid IS NOT NULL";
    let books = books(world);
    let written: BTreeSet<String> = column(&books, query).into_iter().collect();
    assert_eq!(written, known, "tickets in the books (left), tickets that clients know (right)");
    let numbered = column(&books, "SELECT ticket_id FROM portal_request").len();
    let possible = requests..=requests + lost;
    assert!(
        possible.contains(&numbered),
        "{numbered} requests in the books, {possible:?} possible"
    );
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

/// A mailbox: its customer, its password's hash, and whether it works.
type Mailbox = (String, Option<String>, bool);

/// Without an open ticket, the mail system has of a customer exactly what the books say.
fn mail_system_agrees(world: &World, books: &Connection, place: &str) {
    let open =
        "SELECT par_cust_id FROM ticket WHERE finished_at IS NULL AND par_cust_id IS NOT NULL";
    let open: BTreeSet<String> = column(books, open).into_iter().collect();
    let sql = "SELECT address, par_cust_id, secret, kept_until IS NULL
               FROM mailbox JOIN portal_customer USING (tenant, par_cust_id)";
    let mut statement = books.prepare(sql).expect("mailboxes");
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))));
    let mut wanted: BTreeMap<String, Mailbox> =
        rows.expect("mailboxes").collect::<Result<_, _>>().expect("mailboxes");
    let untouched = || column(books, "SELECT ticket_id FROM attempt LIMIT 1").is_empty();
    let held = MailStore::customers(&world.dir().join("mail/mail.db"));
    let held = held
        .or_else(|error| if untouched() { Ok(Vec::new()) } else { Err(error) })
        .unwrap_or_else(|error| panic!("the mail system's file after {place}: {error}"));
    let mut has = BTreeMap::new();
    for customer in held {
        let id = customer.customer.customer.to_string();
        let secret = customer.secret.map(|secret| secret.phc.expose_secret().to_owned());
        for mailbox in customer.mailboxes {
            let told = (id.clone(), secret.clone(), mailbox.works());
            has.insert(mailbox.address.to_string(), told);
        }
    }
    wanted.retain(|_, (id, ..)| !open.contains(id));
    has.retain(|_, (id, ..)| !open.contains(id));
    assert_eq!(has, wanted, "the mail system (left) and the books (right) after {place}");
}

/// Each of these breaks what one check looks for: in the books, or in the file of the network or the mail system.
const TAMPERING: [(&str, &str); 12] = [
    ("provisor.db", "DELETE FROM portal_request WHERE sequence = 1 AND relation = 'packs'"),
    ("provisor.db", "UPDATE portal_customer SET enabled = 1 - enabled"),
    ("provisor.db", "UPDATE mailbox SET kept_until = coalesce(kept_until, 1)"),
    ("mail/mail.db", "UPDATE mailbox SET kept_until = CASE WHEN kept_until IS NULL THEN 1 END"),
    ("mail/mail.db", "DELETE FROM mailbox WHERE address = (SELECT max(address) FROM mailbox)"),
    ("provisor.db", "UPDATE contract SET active_services = active_services + 1"),
    ("provisor.db", "DELETE FROM ticket WHERE id = (SELECT max(id) FROM ticket)"),
    ("provisor.db", "UPDATE ticket SET kind = 'rename' WHERE kind = 'connect'"),
    ("provisor.db", "UPDATE sim SET state = 'stock' WHERE state = 'in_use'"),
    ("provisor.db", "INSERT INTO subject_lock SELECT 'sim:0', max(id) FROM ticket"),
    ("network-AS.db", "DELETE FROM subscriber WHERE iccid = (SELECT max(iccid) FROM subscriber)"),
    ("network-AS.db", "UPDATE subscriber SET suspended = 1 - suspended"),
];

/// What a world must have for all of them.
const WORTH_TAMPERING: [&str; 3] = [
    "SELECT par_cust_id FROM portal_request WHERE relation = 'packs'",
    "SELECT address FROM mailbox WHERE kept_until IS NULL",
    "SELECT iccid FROM service WHERE status IN ('A', 'B')",
];

#[test]
fn the_checks_find_what_is_wrong() {
    let mut load = super::load::Load::new(3);
    eventually_within(
        Duration::from_mins(5),
        "a world in which everything can be tampered with",
        || {
            load.killed_after(super::load::ANSWERS_PER_ROUND);
            load.drain();
            let books = books(&load.world);
            let all = WORTH_TAMPERING.iter().all(|query| !column(&books, query).is_empty());
            all.then_some(())
        },
    );
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
