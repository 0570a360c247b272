//! What can only be seen from inside: the statements.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use tokio_postgres::Client;

use super::{Options, PostgresStore, address, fault, open, sql};

#[path = "../../tests/it/postgres/rig.rs"]
#[expect(dead_code, reason = "the tests from outside use more of it")]
mod rig;

/// Statements that only one of the databases needs, because the other asks it otherwise.
const ONLY_SQLITE: [&str; 5] = [
    "facts.contract", // PostgreSQL asks for all of it at once: facts.connect
    "facts.tariff",
    "ticket_claim.next_customer", // a step at a time; PostgreSQL walks in one statement: walk
    "ticket_claim.number_known",  // one number at a time; PostgreSQL asks about many: number_free
    "ticket_claim.number_taken",
];
const ONLY_POSTGRES: [&str; 24] = [
    "adopt_begin.alone",         // one writer needs no locks
    "catalogue_write.apn_known", // SQLite asks facts.apn, which asks about many here
    "catalogue_write.hold",      // one writer needs no locks
    "catalogue_write.let_go",
    "catalogue_write.service_code", // SQLite counts on from the greatest code
    "catalogue_write.service_known", // SQLite has foreign keys there
    "clock",                        // leases by the database's clock
    "confirm",                      // a file has no standby
    "copy.identities",              // PostgreSQL is what is copied to
    "copy.numbers",
    "copy.tables",
    "facts.connect",         // many orders at once
    "portal_page.mailboxes", // SQLite asks for one customer after the other
    "portal_page.packs",
    "ticket_claim.adopting", // see adopt_begin.alone
    "ticket_claim.number_free",
    "ticket_claim.walk",     // see ticket_claim.next_customer
    "ticket_move.hold",      // one writer needs no locks
    "ticket_open.queue",     // a ticket is three rows here: docs/adr/0017
    "ticket_open.take_back", // one writer loses no race
    "ticket_open.turn",      // a commit into a file is not lost on the way
    "ticket_open.written",
    "ticket_settle.ended", // see ticket_open.queue
    "ticket_settle.queue",
];

fn folder(name: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name);
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap().strip_suffix(".sql").unwrap().to_owned()).collect()
}

#[test]
fn every_file_of_sql_is_a_statement_under_its_own_name() {
    let named: BTreeSet<String> = sql::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folder("postgres"), named);
    for (name, text) in sql::ALL {
        assert_eq!(text.lines().next(), Some(format!("-- {name}").as_str()));
        assert!(!text.contains('?'), "{name}: placeholders are $1");
    }
}

#[test]
fn both_databases_have_the_same_statements() {
    let (sqlite, postgres) = (folder("sqlite"), folder("postgres"));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> Vec<String> {
        a.difference(b).cloned().collect()
    };
    assert_eq!(only(&sqlite, &postgres), ONLY_SQLITE);
    assert_eq!(only(&postgres, &sqlite), ONLY_POSTGRES);
}

/// A connection to a database with the schema.
async fn connection(database: &rig::Database) -> Client {
    PostgresStore::migrate(&database.url, Options::default()).await.unwrap();
    let address = address::Address::read(&database.url).unwrap();
    let ((client, connection), _) = open::dial(&address).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET search_path = provisor").await.unwrap();
    client
}

#[test]
fn every_statement_prepares() {
    let database = rig::Database::new();
    rig::block_on(async {
        let client = connection(&database).await;
        let mut bad = Vec::new();
        for (name, text) in sql::ALL {
            if let Err(error) = client.prepare(text).await {
                bad.push(format!("{name}: {}", fault::words(&error)));
            }
        }
        assert!(bad.is_empty(), "{bad:#?}");
    });
}

/// The plan of a statement as the store's connections make it: its values are not known.
async fn plan(client: &Client, text: &str) -> Vec<String> {
    let count = client.prepare(text).await.unwrap().params().len();
    let values =
        if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(", ")) };
    client.batch_execute(&format!("PREPARE asked AS {text}")).await.unwrap();
    let lines = client.query(&format!("EXPLAIN EXECUTE asked{values}"), &[]).await.unwrap();
    client.batch_execute("DEALLOCATE asked").await.unwrap();
    lines.iter().map(|line| line.get(0)).collect()
}

/// The first column of every index.
async fn first_columns(client: &Client) -> HashMap<String, String> {
    let asked = "SELECT relname, pg_get_indexdef(indexrelid, 1, TRUE) FROM pg_index JOIN pg_class ON oid = indexrelid";
    let rows = client.query(asked, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Steps of a plan that go through a whole table: by itself, or by an index in whose first column nothing is looked for.
fn whole_tables<'p>(plan: &'p [String], first: &HashMap<String, String>) -> Vec<&'p String> {
    let looks = |line: &str, next: Option<&String>| {
        let Some((_, index)) = line.split_once(" using ") else { return true };
        let column = &first[index.split(' ').next().unwrap()];
        next.and_then(|line| line.split_once("Index Cond:"))
            .is_some_and(|(_, looked_for)| looked_for.contains(&format!("({column} ")))
    };
    let scans = plan.iter().enumerate().filter(|(at, line)| {
        line.contains("Seq Scan on") || line.contains("Index") && !looks(line, plan.get(at + 1))
    });
    scans.map(|(_, line)| line).collect()
}

/// Statements whose cost must not grow with what is stored; neither when the planner was told last that the tables are
/// empty which most of the time are. The others list, count or clean up on purpose.
#[test]
fn no_statement_of_a_request_goes_through_a_table() {
    const EMPTY: [&str; 2] = [" on subject_lock", " on ticket_queue"];
    const ON_PURPOSE: [&str; 15] = [
        "catalogue_read.",
        "catalogue_write.service_code", // a sequence is a table of one row
        "copy.",
        "drift_list",  // what somebody must look at
        "drift_stats", // likewise
        "network_list",
        "open_page", // walks the open tickets
        "ping",
        "portal_page",
        "queue_stats",           // walks the open tickets
        "sim_import_begin.dead", // an index of one row at most
        "sim_import_sealed",     // the first that it meets
        "ticket_list.open",      // likewise
        "ticket_rescue",         // likewise
        "user_list",
    ];
    let database = rig::Database::new();
    rig::block_on(async {
        let client = connection(&database).await;
        client.batch_execute(open::SETTINGS).await.unwrap();
        let first = first_columns(&client).await;
        let mut found = Vec::new();
        for analyze in [false, true] {
            if analyze {
                client.batch_execute("VACUUM ANALYZE").await.unwrap();
            }
            for (name, text) in sql::ALL {
                if ON_PURPOSE.iter().any(|prefix| name.starts_with(prefix)) {
                    continue;
                }
                let plan = plan(&client, text).await;
                let mut scans = whole_tables(&plan, &first);
                scans.retain(|scan| !analyze || EMPTY.iter().any(|table| scan.contains(table)));
                if !scans.is_empty() {
                    found.push(format!("{name}, analyzed: {analyze}:\n{}", plan.join("\n")));
                }
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    });
}

/// A queue of customers `c1` to `c9` with so many tickets each, all due.
const QUEUE: &str = "INSERT INTO ticket_queue (id, customer, network, due_at, subjects)
    SELECT n, 'c' || 1 + n % 9, 'AS', n, '{}' FROM generate_series(1, 9 * 300) AS n";

#[test]
fn a_claim_looks_at_one_ticket_of_each_customer_wherever_it_begins() {
    let database = rig::Database::new();
    rig::block_on(async {
        let client = connection(&database).await;
        client.batch_execute(open::SETTINGS).await.unwrap();
        client.batch_execute(QUEUE).await.unwrap();
        let fetched =
            "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'ticket_queue'";
        let read = async || client.query_one(fetched, &[]).await.unwrap().get::<_, i64>(0);
        let (now, found, steps, take) = (10_000_i64, 64_i64, 1_024_i64, 9_i64);
        for (after, order) in [("", "123456789"), ("c4", "567891234"), ("c9", "123456789")] {
            client.batch_execute("BEGIN").await.unwrap();
            let before = read().await;
            let walked = client
                .query(sql::TICKET_CLAIM_WALK, &[&"AS", &after, &now, &found, &steps, &take])
                .await
                .unwrap();
            let customer = |row: &tokio_postgres::Row| row.get::<_, &str>("served")[1..].to_owned();
            let walked: String = walked.iter().map(customer).collect();
            assert_eq!(walked, order, "after {after}");
            // One of each to find out who has some, and one of each to take it.
            assert_eq!(read().await - before, 18, "after {after}");
            client.batch_execute("ROLLBACK").await.unwrap();
        }
    });
}

/// A clock that is waited for as long as somebody holds the lock: whoever asks for the time has looked at the tables already.
const WAITING_CLOCK: &str =
    "CREATE OR REPLACE FUNCTION now_ms() RETURNS BIGINT LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN 10000; END $$";

#[test]
fn a_claim_takes_nothing_that_somebody_else_took_while_it_looked() {
    let database = rig::Database::new();
    rig::block_on(async {
        let (claims, other) = (connection(&database).await, connection(&database).await);
        claims.batch_execute(open::SETTINGS).await.unwrap();
        other.batch_execute(WAITING_CLOCK).await.unwrap();
        let queue = "INSERT INTO ticket_queue (id, customer, network, due_at, subjects)
            SELECT n, 'c1', 'AS', n, '{}' FROM generate_series(1, 4) AS n";
        other.batch_execute(queue).await.unwrap();
        other.query("SELECT pg_advisory_lock(77)", &[]).await.unwrap();
        let (now, found, steps, take) = (None::<i64>, 64_i64, 1_024_i64, 2_i64);
        let claim = async {
            claims
                .query(sql::TICKET_CLAIM_WALK, &[&"AS", &"", &now, &found, &steps, &take])
                .await
                .unwrap()
        };
        let waits = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
            WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";
        let meanwhile = async {
            while other.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
            other
                .batch_execute(
                    "UPDATE ticket_queue SET state = 'running', worker = '\\x00', due_at = 20000 WHERE id = 1;
                    DELETE FROM ticket_queue WHERE id = 2;
                    UPDATE ticket_queue SET attempts = 3 WHERE id = 3",
                )
                .await
                .unwrap();
            // By itself: what one text does is committed together at its end.
            other.query("SELECT pg_advisory_unlock(77)", &[]).await.unwrap();
        };
        let (taken, ()) = futures_util::future::join(claim, meanwhile).await;
        let taken: Vec<(i64, i64)> = taken.iter().map(|row| (row.get(0), row.get(5))).collect();
        assert_eq!(taken, [(3, 3), (4, 0)], "(ticket, attempts)");
    });
}

/// A second step, as a later version may have one.
const NOTE: open::Migration =
    open::Migration { sql: "ALTER TABLE provisor.customer ADD COLUMN note TEXT", oldest: 1 };

#[test]
fn a_migration_makes_way_for_those_who_use_its_tables() {
    let database = rig::Database::new();
    let migrations: Vec<open::Migration> = open::MIGRATIONS.iter().copied().chain([NOTE]).collect();
    rig::block_on(async {
        let mut migrating = connection(&database).await;
        let (report, node) = (connection(&database).await, connection(&database).await);
        report.batch_execute("BEGIN; SELECT count(*) FROM customer").await.unwrap();
        let migrated = async {
            open::apply(&mut migrating, &migrations).await.unwrap();
            migrating.query("SELECT note FROM provisor.customer", &[]).await.unwrap();
        };
        // The migration waits for the report and a node waits behind the migration, but not for longer than it makes way.
        let waits =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'";
        let worked = async {
            loop {
                let waiting: i64 = node.query_one(waits, &[]).await.unwrap().get(0);
                if waiting > 0 {
                    break;
                }
            }
            node.query("SELECT * FROM customer", &[]).await.unwrap();
            report.batch_execute("COMMIT").await.unwrap();
        };
        futures_util::future::join(migrated, worked).await;
    });
}
