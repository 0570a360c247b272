//! SQLite: the conformance suite on it, and what is particular to one file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use provisor_domain::store::Store;
use provisor_store::sqlite::{OpenError, Options, ServeLock, SqliteStore};
use tempfile::TempDir;

mod portal;

/// An empty store in a file of its own. The folder lives as long as what is handed out with it.
pub(crate) fn fresh() -> (Arc<dyn Store>, TempDir) {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(&dir.path().join("provisor.db"), Options::default()).unwrap();
    (Arc::new(store), dir)
}

mod conforms {
    crate::conformance::suite!(crate::sqlite::fresh);
}

fn folder() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("provisor.db");
    (dir, path)
}

fn run_sql(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

fn refusal(path: &Path) -> OpenError {
    SqliteStore::open(path, Options::default()).unwrap_err()
}

#[test]
fn a_file_that_is_something_else_is_left_alone() {
    let (_dir, path) = folder();
    std::fs::write(&path, "this is a letter to my aunt, long enough to have a header ".repeat(20))
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(refusal(&path), OpenError::Foreign { path: path.clone() });
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let (_dir, path) = folder();
    run_sql(&path, "CREATE TABLE cake (flavour TEXT); PRAGMA user_version = 1");
    let before = std::fs::read(&path).unwrap();
    assert_eq!(refusal(&path), OpenError::Foreign { path: path.clone() });
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_database_is_left_to_the_newer_program() {
    let (_dir, path) = folder();
    let (_, known) = SqliteStore::migrate(&path).unwrap();
    run_sql(&path, "PRAGMA user_version = 999");
    assert_eq!(refusal(&path), OpenError::Newer { path: path.clone(), found: 999, known });
    assert_eq!(
        SqliteStore::migrate(&path),
        Err(OpenError::Newer { path: path.clone(), found: 999, known })
    );
}

#[test]
fn an_older_database_is_migrated_only_when_that_is_wanted() {
    let (_dir, path) = folder();
    // As a program before the first migration would have left it.
    run_sql(&path, "PRAGMA application_id = 0x70726f76");
    let known = {
        let options = Options { migrate: false, ..Options::default() };
        match SqliteStore::open(&path, options).unwrap_err() {
            OpenError::NeedsMigration { found: 0, known, .. } => known,
            other => panic!("{other}"),
        }
    };
    assert_eq!(SqliteStore::migrate(&path), Ok((0, known)));
    assert_eq!(SqliteStore::migrate(&path), Ok((known, known)));
    SqliteStore::open(&path, Options { migrate: false, ..Options::default() }).unwrap();
}

#[test]
fn two_programs_that_create_the_file_at_once_both_succeed() {
    let (_dir, path) = folder();
    let open = || SqliteStore::open(&path, Options::default()).map(drop);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let (dir, _) = folder();
    let path = dir.path().join("no/such/folder/provisor.db");
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Cannot { .. }), "{error:?}");
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}

#[test]
fn a_file_that_another_program_holds_is_locked() {
    let (_dir, path) = folder();
    SqliteStore::migrate(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM tenant")
        .unwrap();
    assert_eq!(refusal(&path), OpenError::Locked { path: path.clone() });
}

#[test]
fn one_server_at_a_time_serves_a_file() {
    let (_dir, path) = folder();
    let first = ServeLock::acquire(&path).unwrap();
    let second = ServeLock::acquire(&path).unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        second.to_string(),
        format!(
            "process {pid} serves {} already: stop it first, or name another database",
            path.display()
        )
    );
    drop(first);
    ServeLock::acquire(&path).unwrap();
}

#[tokio::test]
async fn what_was_answered_is_there_after_opening_again() {
    let (_dir, path) = folder();
    let key = {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, Options::default()).unwrap());
        crate::conformance::opening::an_opened_ticket_is_there(Arc::clone(&store)).await;
        store.installation_key().await.unwrap()
    };
    let store = SqliteStore::open(&path, Options::default()).unwrap();
    let store: &dyn Store = &store;
    assert_eq!(store.ticket_list(crate::conformance::all_tickets()).await.unwrap().len(), 1);
    assert_eq!(store.installation_key().await.unwrap(), key);
}
