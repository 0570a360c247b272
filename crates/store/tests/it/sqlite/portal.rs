//! Portal customers on SQLite: the two relations that an operator's own SQL reads, and where passwords are.

use std::path::Path;
use std::sync::Arc;

use provisor_domain::Order;
use provisor_domain::portal::PortalId;
use provisor_domain::store::{NewTicket, Settled, Store, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_store::sqlite::{Options, SqliteStore};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use super::folder;
use crate::conformance::portal_world::{
    enable_mail, enable_web, first_enable, pack, portal, secret,
};
use crate::conformance::world::{World, a, completed, failure, origin};

async fn world(path: &Path) -> World {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(path, Options::default()).unwrap());
    World::new(store).await
}

/// The file as another program reads it.
fn reader(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// The names of a statement's columns, and its rows with a bar between the values.
fn table(path: &Path, sql: &str) -> (String, Vec<String>) {
    let connection = reader(path);
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement.column_names().collect::<Vec<_>>().join("|");
    let count = statement.column_count();
    let show = |value: Value| match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text,
        other => panic!("{other:?}"),
    };
    let rows = statement
        .query_map([], |row| {
            let values: rusqlite::Result<Vec<_>> =
                (0..count).map(|at| row.get(at).map(show)).collect();
            Ok(values?.join("|"))
        })
        .unwrap();
    (names, rows.map(Result::unwrap).collect())
}

async fn fail(world: &World) {
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let failed = Verdict::Failed(failure(FailureKind::Permanent));
    assert_eq!(world.settle(&lease, failed, world.start).await, Settled::Done);
}

#[tokio::test]
async fn operators_read_the_two_relations() {
    let (_dir, path) = folder();
    let mut world = world(&path).await;
    world.start = "2026-11-22T20:12:15.007Z".parse().unwrap();
    let (id, other) = (portal("10953"), a::<PortalId>("other/10953"));
    world.enabled(&id).await;
    world.enabled(&other).await;
    let web = world.portal_order(&id, enable_web("100M")).await;
    world.opened(web).await;
    fail(&world).await;
    world.portal_done(world.portal_order(&id, enable_mail(&id, "5")).await).await;
    let off = Order::PackDisable { pack: pack("Mail", "5"), mail_kept_days: Some(30) };
    let off = world.opened(world.portal_order(&id, off).await).await;
    let disable = world.opened(world.portal_order(&other, Order::PortalDisable).await).await;
    let why = "not wanted".to_owned();
    world.store.ticket_cancel(disable, why, origin(), world.at(60)).await.unwrap();

    let at = "2026-11-22T20:12:15.007Z";
    let access = "SELECT * FROM authentication_ProvPortalAccess ORDER BY tenant, sequence";
    let (names, rows) = table(&path, access);
    let columns = "action|value|state|requested_at|finished_at|ticket";
    assert_eq!(names, format!("sequence|tenant|ParCustId|{columns}"));
    let wanted = [
        format!("1|kommitt|10953|enable|-|DONE|{at}|{at}|1224"),
        format!("1|other|10953|enable|-|DONE|{at}|{at}|1225"),
        format!("2|other|10953|disable|-|FAILED|{at}|2026-11-22T20:13:15.007Z|1229"),
    ];
    assert_eq!(rows, wanted);
    let packs = "SELECT * FROM authentication_ProvPortalPacks ORDER BY tenant, sequence";
    let (names, rows) = table(&path, packs);
    let columns = columns.replace("action|", "action|pack|");
    assert_eq!(names, format!("sequence|tenant|ParCustId|{columns}"));
    let row = |sequence, action, what, state, finished: &str, ticket| {
        format!("{sequence}|kommitt|10953|{action}|{what}|{state}|{at}|{finished}|{ticket}")
    };
    let wanted = [
        row(1, "enable", "Web|100M", "FAILED", at, 1226),
        row(2, "enable", "Mail|5", "DONE", at, 1227),
        row(3, "disable", "Mail|5", "PENDING", "-", 1228),
    ];
    assert_eq!(rows, wanted);
    // Claimed, and lost track of: still to be carried out.
    let lease = world.claim_mail(1, world.start).await.remove(0);
    assert_eq!(lease.ticket, off);
    let state = "SELECT state FROM authentication_ProvPortalPacks WHERE sequence = 3";
    assert_eq!(table(&path, state).1, ["PENDING"]);
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    assert_eq!(world.settle(&lease, lost, world.start).await, Settled::Done);
    assert_eq!(table(&path, state).1, ["PENDING"]);
}

/// Which columns of which tables hold this text.
fn holders(path: &Path, text: &str) -> Vec<String> {
    let tables = table(path, "SELECT name FROM sqlite_schema WHERE type = 'table'").1;
    let connection = reader(path);
    let mut found = Vec::new();
    for name in tables {
        let columns = table(path, &format!("SELECT name FROM pragma_table_info('{name}')")).1;
        for column in columns {
            let sql =
                format!("SELECT count(*) FROM {name} WHERE instr(CAST({column} AS TEXT), ?1) > 0");
            let rows: i64 = connection.query_row(&sql, [text], |row| row.get(0)).unwrap();
            found.extend((0..rows).map(|_| format!("{name}.{column}")));
        }
    }
    found
}

#[tokio::test]
async fn a_password_is_nowhere_but_with_its_customer_and_its_open_ticket() {
    let (_dir, path) = folder();
    let world = world(&path).await;
    let id = portal("10953");
    let canaries = || holders(&path, "canary");
    assert_eq!(canaries(), [""; 0]);
    let reset = async |word: &str| NewTicket {
        secret: Some(secret(word)),
        ..world.portal_order(&id, Order::PortalEnable).await
    };
    world.opened(first_enable(&id, world.start)).await;
    assert_eq!(canaries(), ["ticket_secret.phc"]);
    let busy = world.open(reset("busy").await).await;
    assert!(matches!(busy, provisor_domain::store::Opened::Busy(_)), "{busy:?}");
    assert_eq!(holders(&path, "canary-busy"), [""; 0], "what is refused leaves nothing");

    // Completed: it moves to its customer.
    let lease = world.claim_mail(1, world.start).await.remove(0);
    assert_eq!(canaries(), ["ticket_secret.phc"]);
    assert_eq!(world.settle(&lease, completed(&lease), world.start).await, Settled::Done);
    assert_eq!(canaries(), ["portal_customer.secret"]);
    // Failed, and taken back: it is gone. One that is lost track of keeps it.
    world.opened(reset("failed").await).await;
    assert_eq!(holders(&path, "canary-failed"), ["ticket_secret.phc"]);
    fail(&world).await;
    assert_eq!(holders(&path, "canary-failed"), [""; 0]);
    let ticket = world.opened(reset("cancelled").await).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let lost = Verdict::Unknown(failure(FailureKind::OutcomeUnknown));
    assert_eq!(world.settle(&lease, lost, world.start).await, Settled::Done);
    assert_eq!(holders(&path, "canary-cancelled"), ["ticket_secret.phc"]);
    let why = "not wanted".to_owned();
    world.store.ticket_cancel(ticket, why, origin(), world.start).await.unwrap();
    assert_eq!(canaries(), ["portal_customer.secret"]);
    assert_eq!(holders(&path, "canary-first"), ["portal_customer.secret"]);
    world.portal_done(reset("second").await).await;
    assert_eq!(holders(&path, "canary-first"), [""; 0], "the one before is forgotten");
    assert_eq!(canaries(), ["portal_customer.secret"]);
}
