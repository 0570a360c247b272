//! Databases with a past: services that run, and tickets that were finished, written by the table.

use std::ops::Range;
use std::time::Instant;

use provisor_domain::UserKind;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{NewUser, Operations, Users};
use provisor_store::postgres::{Options, PostgresStore};
use secrecy::SecretString;

use crate::world::{CUSTOMERS, a, catalogue, customer, origin};
use crate::{Place, floors, rig};

/// Services that run, each on a SIM of its own.
pub(crate) const SERVICES: usize = 200_000;
/// The first SIM of these.
pub(crate) const FIRST_LIVE: usize = 500_000_000;
/// All of these.
pub(crate) const LIVE: Range<usize> = FIRST_LIVE..FIRST_LIVE + SERVICES;
/// The user who may see everything.
pub(crate) const USER: &str = "everything";

/// A database with `finished` finished tickets and `sims` SIMs in stock.
pub(crate) async fn place(finished: usize, sims: usize) -> Place {
    let began = Instant::now();
    let database = rig::Database::new();
    let store = PostgresStore::open(&database.url, Options::default()).await.unwrap();
    let now = SystemClock.now();
    store.catalogue_write(catalogue(), origin(), now).await.unwrap();
    let user = NewUser {
        username: a(USER),
        kind: UserKind::Account,
        password_hash: SecretString::from("$argon2id$"),
        customers: (0..CUSTOMERS).map(|n| a(&customer(n))).collect(),
        bars: Vec::new(),
        boltons: Vec::new(),
    };
    assert!(store.user_add(user, origin(), now).await.unwrap());
    drop(store);
    database.run(&stock(0, sims, "stock"));
    database.run(&stock(FIRST_LIVE, SERVICES, "in_use"));
    database.run("INSERT INTO provisor.service
          (code, name, status, cli, iccid, network, contract, customer, tariff)
        SELECT 10000000 + n, 'Marion Gomez', 'A', msisdn, iccid, 'AS', 'C' || customer, customer, 'EU'
        FROM (SELECT row_number() OVER (ORDER BY iccid) AS n, * FROM provisor.sim WHERE state = 'in_use') AS sim");
    database.run(&tickets(finished));
    database.run(floors::TABLES);
    database.run("VACUUM ANALYZE");
    database.run("CHECKPOINT");
    println!("{finished} finished tickets, {sims} SIMs: filled in {:.0?}", began.elapsed());
    Place { finished, database, next_sim: 0, sims }
}

fn stock(first: usize, count: usize, state: &str) -> String {
    format!(
        "INSERT INTO provisor.sim (iccid, imsi, msisdn, customer, network, state)
         SELECT '89440000' || lpad(n::text, 11, '0'), '90170' || lpad(n::text, 10, '0'),
           '447' || lpad(n::text, 9, '0'), (1000000 + n % {CUSTOMERS})::text, 'AS', '{state}'
         FROM generate_series({first}, {}) AS n",
        first + count - 1
    )
}

/// Finished tickets, shared out over the live services, each with its one attempt.
fn tickets(count: usize) -> String {
    let order = r#"{"connect":{"name":"Marion Gomez","contract":"C1000000","tariff":"EU","apns":[],"group":null}}"#;
    format!(
        "SET synchronous_commit = off;
        INSERT INTO provisor.ticket_record
          (id, kind, customer, network, iccid, order_json, raised_by, raised_at, batch)
        SELECT nextval('provisor.ticket_number'), 'connect', customer, 'AS', iccid, '{order}', 'user:everything',
          1700000000000 + n, n
        FROM generate_series(1, {count}) AS n
        JOIN provisor.service ON code = 10000001 + n % {SERVICES};
        INSERT INTO provisor.ticket_end (id, state, network, finished_at, due_at, epoch, service, cli, subjects)
        SELECT id, 'completed', 'AS', raised_at + 100, raised_at + 600000, 1, service.code, service.cli,
          ARRAY['sim:' || iccid]
        FROM provisor.ticket_record
        JOIN provisor.service USING (iccid)
        ORDER BY id;
        INSERT INTO provisor.attempt (ticket_id, epoch, began_at, ended_at, state)
        SELECT id, 1, due_at, finished_at, 'completed' FROM provisor.ticket_end ORDER BY id"
    )
}
