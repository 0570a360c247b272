//! What must hold of what a dead server leaves, whenever it died.
//!
//! The books and the simulated network are two databases. For a SIM without an open ticket they must agree; one with
//! an open ticket may be on either side of its change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use provisor_drivers::mail::MailStore;
use provisor_drivers::simulator::Simulator;
use secrecy::ExposeSecret;

use super::client::Promise;
use super::order::Name;
use crate::rig::{Books, World};

/// What a dead server leaves.
pub(crate) struct Remains {
    pub(crate) books: Books,
    pub(crate) network: PathBuf,
    pub(crate) mail: PathBuf,
}

impl Remains {
    /// Of the server of `world`, which is dead.
    pub(crate) fn of(world: &World) -> Self {
        Self {
            books: world.books_at_rest(),
            network: world.dir().join("network-AS.db"),
            mail: world.dir().join("mail/mail.db"),
        }
    }
}

/// Rules as queries that find those who break them; the same on both databases.
const RULES: [(&str, &str); 14] = [
    (
        "at most one open ticket per SIM or portal customer",
        "SELECT min(id) FROM ticket WHERE finished_at IS NULL
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
pub(crate) fn remains(remains: &Remains, promises: &[Promise], place: &str) {
    let broken = remains.books.broken();
    assert!(broken.is_empty(), "the database after {place}: {broken:?}");
    for (rule, broken_by) in RULES {
        let broken = remains.books.column(broken_by);
        assert!(broken.is_empty(), "after {place}, not so: {rule}: {broken:?}");
    }
    promises_are_kept(&remains.books, promises, place);
    network_agrees(remains, place);
    mail_system_agrees(remains, place);
}

/// A row of so many columns.
fn columns<const N: usize>(row: Vec<Option<String>>) -> [Option<String>; N] {
    row.try_into().expect("as many columns as were asked for")
}

fn value(column: Option<String>) -> String {
    column.expect("not null")
}

/// Everything that a client was given is in the books, for what the client had asked.
fn promises_are_kept(books: &Books, promises: &[Promise], place: &str) {
    let sql = "SELECT id, relation, sequence, kind, coalesce(iccid, ticket.par_cust_id)
               FROM ticket LEFT JOIN portal_request ON ticket_id = id";
    let number = |column| value(column).parse().expect("a number");
    let row = |row| {
        let [id, relation, sequence, kind, subject] = columns(row);
        let name = match relation.as_deref() {
            None => Name::Ticket(number(id)),
            Some("access") => Name::Request("access", number(sequence)),
            Some(_) => Name::Request("packs", number(sequence)),
        };
        (name, (value(kind), value(subject)))
    };
    let written: BTreeMap<Name, (String, String)> = books.rows(sql).into_iter().map(row).collect();
    let mut seen = BTreeSet::new();
    for Promise { name, kind, subject } in promises {
        let asked = ((*kind).to_owned(), subject.clone());
        assert_eq!(written.get(name), Some(&asked), "{name:?} after {place}");
        assert!(seen.insert(name), "{name:?} was given to two clients");
    }
}

/// There is no ticket that no client knows: an order without an answer was repeated under its key, and a repetition
/// finds the ticket that the first one had raised. Of requests, which cannot be repeated, at most `lost` are unknown.
pub(crate) fn all_tickets_are_known(books: &Books, promises: &[Promise], lost: usize) {
    let (mut known, mut requests) = (BTreeSet::new(), 0);
    for promise in promises {
        match promise.name {
            Name::Ticket(id) => drop(known.insert(id.to_string())),
            Name::Request(..) => requests += 1,
        }
    }
    // What the reconciler raised by itself is nobody's.
    let raised = "SELECT id FROM ticket WHERE iccid IS NOT NULL AND kind <> 'reassert'";
    let written = books.column(raised);
    let written: BTreeSet<String> = written.into_iter().collect();
    assert_eq!(written, known, "tickets in the books (left), tickets that clients know (right)");
    let numbered = books.column("SELECT ticket_id FROM portal_request").len();
    let possible = requests..=requests + lost;
    assert!(
        possible.contains(&numbered),
        "{numbered} requests in the books, {possible:?} possible"
    );
}

/// Whether nothing was ever carried out: the network's and the mail system's file may not be whole then, because the server
/// was killed while it made them.
fn untouched(books: &Books) -> bool {
    books.rows("SELECT ticket_id FROM attempt LIMIT 1").is_empty()
}

/// A SIM at the network: its number, tariff, APNs, and whether it is suspended.
type Served = (Option<String>, String, String, bool);

/// Without an open ticket, the network serves a SIM exactly as the books say.
fn network_agrees(remains: &Remains, place: &str) {
    let books = &remains.books;
    let open = "SELECT substr(subject, 5) FROM subject_lock WHERE subject LIKE 'sim:%'";
    let open: BTreeSet<String> = books.column(open).into_iter().collect();
    let sql = "SELECT iccid, cli, tariff, apns, status FROM service WHERE status IN ('A', 'B')";
    let row = |row| {
        let [iccid, cli, tariff, apns, status] = columns(row);
        (value(iccid), (cli, value(tariff), value(apns), value(status) == "B"))
    };
    let mut wanted: BTreeMap<String, Served> = books.rows(sql).into_iter().map(row).collect();
    let mut has: BTreeMap<String, Served> = Simulator::subscribers(&remains.network)
        .or_else(|error| if untouched(books) { Ok(Vec::new()) } else { Err(error) })
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
fn mail_system_agrees(remains: &Remains, place: &str) {
    let books = &remains.books;
    let open =
        "SELECT par_cust_id FROM ticket WHERE finished_at IS NULL AND par_cust_id IS NOT NULL";
    let open: BTreeSet<String> = books.column(open).into_iter().collect();
    let sql = "SELECT address, par_cust_id, secret, kept_until
               FROM mailbox JOIN portal_customer USING (tenant, par_cust_id)";
    let row = |row| {
        let [address, customer, secret, kept_until] = columns(row);
        (value(address), (value(customer), secret, kept_until.is_none()))
    };
    let mut wanted: BTreeMap<String, Mailbox> = books.rows(sql).into_iter().map(row).collect();
    let held = MailStore::customers(&remains.mail)
        .or_else(|error| if untouched(books) { Ok(Vec::new()) } else { Err(error) })
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
