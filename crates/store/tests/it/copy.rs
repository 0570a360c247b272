//! An installation moves from a file into a PostgreSQL database.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use provisor_domain::catalogue::CatalogueKeys;
use provisor_domain::store::{Store, TicketFilter};
use provisor_store::copy::{self, Copied, CopyError, Moved, Step};
use provisor_store::postgres::{self, PostgresStore};
use provisor_store::sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::conformance::world::World;
use crate::conformance::{
    all_tickets, catalogue, directory, imports, numbers, opening, portal_settling, settling, users,
};
use crate::postgres::proxy::{Cut, Proxy, Way};
use crate::postgres::rig::{Database, block_on};

/// How long it is tried here to find out whether a commit happened.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Tables that are another one's rows in the file.
const NOT_IN_THE_FILE: [&str; 4] =
    ["portal_counter", "ticket_end", "ticket_queue", "ticket_record"];

/// A file with whatever `life` does to an installation.
async fn installation<L: Future<Output = ()>>(
    life: impl FnOnce(Arc<dyn Store>) -> L,
) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("provisor.db");
    life(Arc::new(SqliteStore::open(&file, Options::default()).unwrap())).await;
    (dir, file)
}

fn open_file(file: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(file, Options::default()).unwrap())
}

fn open_database(database: &Database) -> Arc<dyn Store> {
    let options = postgres::Options { readers: 1, writers: 1, ..postgres::Options::default() };
    let url = database.url.clone();
    Arc::new(block_on(async move { PostgresStore::open(&url, options).await }).unwrap())
}

/// Copies for a trial, on the rig's runtime.
fn try_copy(file: &Path, database: &Database) -> Result<Copied, CopyError> {
    copy_for(file, database, None)
}

fn copy_for(file: &Path, database: &Database, moved: Option<Moved>) -> Result<Copied, CopyError> {
    copy_to(file, &database.url, moved)
}

fn copy_to(file: &Path, url: &str, moved: Option<Moved>) -> Result<Copied, CopyError> {
    let mut last = 0;
    let mut report = |step: Step<'_>| {
        assert!(step.done >= last && step.done <= step.total, "{step:?} after {last}");
        last = step.done;
    };
    block_on(copy::copy(file, url, moved, LOOK_MAX, &mut report))
}

/// Everything that the port can tell of a store.
async fn told(store: &dyn Store) -> Vec<String> {
    let mut told = vec![
        format!("{:?}", store.installation_key().await.unwrap()),
        format!("{:?}", store.stamp().await.unwrap()),
        format!("{:?}", store.catalogue_read(CatalogueKeys::default()).await.unwrap()),
        format!("{:?}", store.queue_stats().await.unwrap()),
        format!("{:?}", store.user_list(None, 1_000).await.unwrap()),
        format!("{:?}", store.portal_page(None).await.unwrap()),
        format!("{:?}", store.books_generation().await.unwrap()),
    ];
    for user in store.user_list(None, 1_000).await.unwrap() {
        told.push(format!(
            "{:?}",
            store.credential_list(user.username, None, 1_000).await.unwrap()
        ));
    }
    for ticket in store.ticket_list(TicketFilter { limit: 10_000, ..all_tickets() }).await.unwrap()
    {
        let id = ticket.id;
        told.push(format!("{:?}", store.ticket_show(id).await.unwrap()));
        told.push(format!("{:?}", store.portal_request(id).await.unwrap()));
    }
    told
}

/// Copies what `life` left, and holds the copy against the file.
async fn moves<L: Future<Output = ()>>(life: impl FnOnce(Arc<dyn Store>) -> L) {
    let (_dir, file) = installation(life).await;
    let database = Database::new();
    let copied = try_copy(&file, &database).unwrap();
    let (before, after) = (open_file(&file), open_database(&database));
    assert_eq!(told(before.as_ref()).await, told(after.as_ref()).await);
    let file = Connection::open(&file).unwrap();
    for (table, rows) in copied.tables {
        let count = format!("SELECT count(*)::text FROM provisor.\"{table}\"");
        assert_eq!(database.table(&count), [rows.to_string()], "{table}");
        let count = format!("SELECT count(*) FROM \"{table}\"");
        match file.query_row(&count, [], |row| row.get::<_, u64>(0)) {
            Ok(there) => assert_eq!(there, rows, "{table}"),
            Err(_) => assert!(NOT_IN_THE_FILE.contains(&table.as_str()), "{table}"),
        }
    }
}

macro_rules! lives {
    ($($suite:ident: $($life:ident),+;)+) => { $($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $life() {
            moves($suite::$life).await;
        }
    )+)+ };
}

lives! {
    opening: a_key_replays_its_ticket;
    settling: every_kind_of_order_changes_the_books, an_unknown_ticket_waits_for_a_person,
        a_postponed_ticket_comes_back;
    numbers: a_number_rests_after_its_service;
    directory: support_cases_share_the_numbers;
    users: credentials_come_and_go, failed_guesses_are_counted;
    catalogue: a_catalogue_is_read_back;
    portal_settling: every_kind_of_portal_order_changes_the_books, mailboxes_are_replaced_whole;
    imports: an_import_lands_in_one_moment;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_counts_upward_goes_on_behind_what_is_there() {
    let (_dir, file) = installation(|_| async {}).await;
    let first = World::with_sims(open_file(&file), 3).await;
    let World { start, .. } = first;
    first.opened(first.connect(0).await).await;
    drop(first);
    let database = Database::new();
    try_copy(&file, &database).unwrap();
    let mut next = Vec::new();
    for store in [open_file(&file), open_database(&database)] {
        let world = World { store, start };
        next.push(world.opened(world.connect(1).await).await);
    }
    assert_eq!(next[0], next[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_has_moved_is_not_used_any_more() {
    let (_dir, file) = installation(catalogue::a_catalogue_is_read_back).await;
    let database = Database::new();
    let to = "postgres://db/provisor".to_owned();
    copy_for(&file, &database, Some(Moved(to.clone()))).unwrap();
    let moved = SqliteStore::open(&file, Options::default()).unwrap_err();
    assert_eq!(moved, OpenError::Moved { path: file.clone(), to });
    let again = copy_for(&file, &Database::new(), None).unwrap_err();
    assert!(matches!(again, CopyError::Source(OpenError::Moved { .. })), "{again}");
    assert!(open_database(&database).ping().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_in_use_is_left_alone() {
    let (_dir, file) = installation(catalogue::a_catalogue_is_read_back).await;
    let database = Database::new();
    let world = World::new(open_database(&database)).await;
    let before = told(world.store.as_ref()).await;
    let refused = copy_for(&file, &database, Some(Moved("elsewhere".into()))).unwrap_err();
    assert!(matches!(refused, CopyError::NotEmpty(_)), "{refused}");
    assert_eq!(told(world.store.as_ref()).await, before);
    assert!(open_file(&file).ping().await.is_ok(), "the file is not marked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_brought_over_leaves_everything_as_it_was() {
    let (_dir, file) = installation(catalogue::a_catalogue_is_read_back).await;
    // PostgreSQL keeps no zero byte in a text.
    let spoil = "UPDATE customer SET name = 'a' || char(0) || 'b'";
    Connection::open(&file).unwrap().execute_batch(spoil).unwrap();
    let database = Database::new();
    let refused = copy_for(&file, &database, Some(Moved("elsewhere".into()))).unwrap_err();
    assert!(matches!(&refused, CopyError::Row { table, .. } if table == "customer"), "{refused}");
    assert_eq!(database.table("SELECT count(*)::text FROM provisor.tariff"), ["0"]);
    assert!(open_file(&file).ping().await.is_ok(), "the file is not marked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_file_is_forgotten() {
    let (_dir, file) = installation(|_| async {}).await;
    let database = Database::new();
    try_copy(&file, &database).unwrap();
    let file = Connection::open(&file).unwrap();
    let sql =
        "SELECT m.name || '.' || c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
               WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
    let mut statement = file.prepare(sql).unwrap();
    let columns = statement.query_map([], |row| row.get(0)).unwrap();
    let columns: BTreeSet<String> = columns.collect::<Result<_, _>>().unwrap();
    let there: BTreeSet<String> = database
        .table(
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'provisor'",
        )
        .into_iter()
        .collect();
    // A ticket is three rows there.
    let elsewhere = |column: &str| {
        let name = column.strip_prefix("ticket.")?;
        Some(there.contains(&format!("ticket_queue.{name}")))
    };
    let forgotten = columns.difference(&there).filter(|column| elsewhere(column) != Some(true));
    let forgotten: Vec<_> = forgotten.collect();
    // Its two kinds of values are columns of their own.
    assert_eq!(forgotten, ["setting.value"]);
}

fn moved() -> Moved {
    Moved("postgres://db/provisor".to_owned())
}

fn is_marked(file: &Path) -> bool {
    matches!(SqliteStore::open(file, Options::default()), Err(OpenError::Moved { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_copy_whose_commit_was_cut_the_truth_is_told() {
    // Of 12 bytes that commit, and of 18 that answer.
    let to_server = [0, 5, 11].map(|after| (Way::ToServer, after));
    let to_client = [0, 10, 17].map(|after| (Way::ToClient, after));
    let (mut there, mut scene) = (0, None);
    for (way, after) in to_server.into_iter().chain(to_client) {
        let (dir, file, database) = match scene.take() {
            Some(untouched) => untouched,
            None => empty_database_for_a_file().await,
        };
        let proxy = Proxy::before(&database);
        proxy.arm(Cut { from: b"COMMIT", way, after });
        let told = copy_to(&file, &proxy.url, Some(moved()));
        assert!(proxy.has_cut(), "{way:?} {after}");
        let customers = database.table("SELECT count(*)::text FROM provisor.customer");
        assert_eq!(told.is_ok(), customers != ["0"], "{way:?} {after}: {told:?}");
        assert_eq!(told.is_ok(), is_marked(&file), "{way:?} {after}: {told:?}");
        match told {
            Ok(_) => there += 1,
            Err(CopyError::Broken(_)) => scene = Some((dir, file, database)),
            Err(other) => panic!("{way:?} {after}: {other}"),
        }
    }
    assert_eq!(there, to_client.len());
}

/// An installation in a file, and a database that has its schema: that is committed, too.
async fn empty_database_for_a_file() -> (TempDir, PathBuf, Database) {
    let (dir, file) = installation(catalogue::a_catalogue_is_read_back).await;
    let database = Database::new();
    block_on(PostgresStore::migrate(&database.url, postgres::Options::default())).unwrap();
    (dir, file, database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_tell_is_said_and_the_next_copy_finishes_it() {
    let (_dir, file) = installation(opening::a_key_replays_its_ticket).await;
    let database = Database::new();
    block_on(PostgresStore::migrate(&database.url, postgres::Options::default())).unwrap();
    let proxy = Proxy::before(&database);
    proxy.arm(Cut { from: b"COMMIT", way: Way::ToClient, after: 0 });
    proxy.close_with_the_cut();
    let told = copy_to(&file, &proxy.url, Some(moved())).unwrap_err();
    assert!(matches!(told, CopyError::Undecided(_)), "{told}");
    assert!(!is_marked(&file));
    // As it also is when it was killed between the commit and the mark.
    let before = told_of(&database).await;
    let copied = copy_for(&file, &database, Some(moved())).unwrap();
    assert!(copied.tables.iter().any(|(table, rows)| table == "ticket_record" && *rows > 0));
    assert!(is_marked(&file));
    assert_eq!(told_of(&database).await, before);
}

async fn told_of(database: &Database) -> Vec<String> {
    told(open_database(database).as_ref()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_used_since_is_not_taken_for_the_same() {
    let (_dir, file) = installation(catalogue::a_catalogue_is_read_back).await;
    for used in ["the file", "the database"] {
        let database = Database::new();
        try_copy(&file, &database).unwrap();
        let store = if used == "the file" { open_file(&file) } else { open_database(&database) };
        store.heartbeat(0).await.unwrap();
        drop(store);
        let before = told_of(&database).await;
        let refused = copy_for(&file, &database, Some(moved())).unwrap_err();
        assert!(matches!(&refused, CopyError::Used(table) if table == "setting"), "{refused}");
        assert_eq!(told_of(&database).await, before);
        assert!(!is_marked(&file), "{used}");
    }
    // The same count, another row.
    let database = Database::new();
    try_copy(&file, &database).unwrap();
    database.run("UPDATE provisor.customer SET name = name || '!'");
    let refused = copy_for(&file, &database, Some(moved())).unwrap_err();
    assert!(matches!(&refused, CopyError::Used(table) if table == "customer"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_the_commit_takes_nothing_back() {
    let (_dir, file, database) = empty_database_for_a_file().await;
    let proxy = Proxy::before(&database);
    proxy.arm(Cut { from: b"ANALYZE", way: Way::ToServer, after: 0 });
    copy_to(&file, &proxy.url, Some(moved())).unwrap();
    assert!(proxy.has_cut() && is_marked(&file));
}
