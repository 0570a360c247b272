//! What can only be seen from inside: the statements, the connections, the writer.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use provisor_domain::store::{Directory, ImportRow, Origin, SimKeys, StoreError};
use provisor_domain::{Scope, ServiceCode, ServiceSelector, UserId, UserKind};
use rusqlite::StatementStatus;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;

fn fresh(options: Options) -> (SqliteStore, TempDir) {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(&dir.path().join("provisor.db"), options).unwrap();
    (store, dir)
}

#[test]
fn every_file_of_sql_is_a_statement_under_its_own_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/sqlite");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let named: BTreeSet<String> = sql::ALL.iter().map(|(name, _)| format!("{name}.sql")).collect();
    assert_eq!(files, named);
    for (name, text) in sql::ALL {
        assert_eq!(text.lines().next(), Some(format!("-- {name}").as_str()));
        assert!(!text.contains('$'), "{name}: placeholders are ?1, a $1 is a name to SQLite");
    }
}

#[test]
fn every_statement_prepares() {
    let dir = TempDir::new().unwrap();
    let (connection, _, _) = open::open_writer(&dir.path().join("provisor.db"), true).unwrap();
    for (name, text) in sql::ALL {
        connection.prepare(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The statements whose cost must not grow with what is stored. The others list, count or clean up on purpose.
#[test]
fn no_statement_of_a_request_scans_a_table_or_sorts_what_it_finds() {
    const ON_PURPOSE: [&str; 24] = [
        "catalogue_read.",
        "catalogue_write.", // an upsert's plan looks for children of a key that might change
        "drift_",           // lists and counts what somebody must look at
        "network_list",
        "open_page", // walks the open tickets
        "ping",
        "queue_stats",
        "sweep_size",         // counts
        "service_find.cli",   // sorts the services that one number ever had
        "service_find.iccid", // and one SIM
        "facts.service_cli",  // likewise
        "facts.service_iccid",
        "sim_import_abandon.",
        "sim_import_begin.dead",
        "sim_import_sealed", // the first that it meets
        "support_case_list.",
        "ticket_list.all", // walks down the numbers
        "ticket_list.open",
        "ticket_list.iccid",    // the states asked for are a list
        "ticket_list.customer", // likewise
        "ticket_list.portal",   // likewise
        "ticket_rescue",
        "user_list",
        "ticket_open.forget",
    ];
    let dir = TempDir::new().unwrap();
    let (connection, _, _) = open::open_writer(&dir.path().join("provisor.db"), true).unwrap();
    let mut found = Vec::new();
    for (name, text) in sql::ALL {
        if ON_PURPOSE.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        for at in 1..=plan.parameter_count() {
            plan.raw_bind_parameter(at, rusqlite::types::Null).unwrap();
        }
        let mut rows = plan.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let scans = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
            if scans || step.contains("TEMP B-TREE") {
                found.push(format!("{name}: {step}"));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn sqlite_is_built_the_way_the_readers_need_it() {
    assert!(rusqlite::version_number() >= 3_051_003);
    let connection = Connection::open_in_memory().unwrap();
    let mut statement = connection.prepare("PRAGMA compile_options").unwrap();
    let built: BTreeSet<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(built.contains("ENABLE_QPSG"), "see LIBSQLITE3_FLAGS in .cargo/config.toml");
    assert!(built.contains("DEFAULT_MEMSTATUS=0"), "see LIBSQLITE3_FLAGS in .cargo/config.toml");
}

#[tokio::test]
async fn connections_are_set_up_to_lose_nothing() {
    let (store, _dir) = fresh(Options::default());
    let read_settings = |connection: &Connection| {
        let pragma = |name: &str| -> String {
            let sql = format!("SELECT CAST((SELECT * FROM pragma_{name}) AS TEXT)");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        Ok(["journal_mode", "synchronous", "foreign_keys"].map(pragma))
    };
    let writer = store.write(read_settings).await.unwrap();
    assert_eq!(writer, ["wal", "2", "1"].map(str::to_owned));
    let refused =
        store.read(|connection| Ok(connection.execute("UPDATE setting SET value = 1", [])?)).await;
    assert!(matches!(refused, Err(StoreError::Broken(_))), "a reader wrote: {refused:?}");
}

#[tokio::test]
async fn a_statement_is_planned_once_however_often_it_is_asked() {
    const FINDS: i64 = 5_000;
    let (store, _dir) = fresh(Options { readers: 1, ..Options::default() });
    let scope = Scope { user: UserId(1), kind: UserKind::Account };
    for number in 1..=FINDS {
        let code = ServiceCode::new(number).unwrap();
        let cli = Some(format!("0770{number:07}").parse().unwrap());
        for selector in
            [ServiceSelector::by_code(code), ServiceSelector::new(None, cli, None).unwrap()]
        {
            store.service_find(scope.clone(), selector, false).await.unwrap();
        }
    }
    let counts = store
        .read(|connection| {
            let mut counts = Vec::new();
            for text in [sql::SERVICE_FIND_CODE, sql::SERVICE_FIND_CLI] {
                let statement = connection.prepare_cached(text)?;
                let run = statement.get_status(StatementStatus::Run);
                counts.push((run, statement.get_status(StatementStatus::RePrepare)));
            }
            Ok(counts)
        })
        .await
        .unwrap();
    assert_eq!(counts, [(5_000, 0), (5_000, 0)], "(runs, plans made again)");
}

type Job<T> = Box<dyn FnMut(&Connection) -> Outcome<T> + Send>;

/// Holds the writer inside a transaction, until something is sent.
async fn hold(store: &SqliteStore) -> (Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (open_gate, gate) = std::sync::mpsc::channel::<()>();
    let (entered, has_entered) = tokio::sync::oneshot::channel();
    let mut entered = Some(entered);
    let store = store.clone();
    let gatekeeper = tokio::spawn(async move {
        let hold = move |_: &Connection| {
            if let Some(entered) = entered.take() {
                entered.send(()).unwrap();
                gate.recv().unwrap();
            }
            Ok(())
        };
        store.write(hold).await
    });
    has_entered.await.unwrap();
    (open_gate, gatekeeper)
}

/// Holds the writer until all of `jobs` were handed in, so that those the queue takes form groups. `meanwhile` is
/// waited for before they are let go.
async fn together<T: Send + 'static>(
    store: &SqliteStore,
    jobs: Vec<Job<T>>,
    meanwhile: impl Future<Output = ()>,
) -> Vec<Result<T, StoreError>> {
    let (open_gate, gatekeeper) = hold(store).await;
    let mut waiting: Vec<_> = jobs.into_iter().map(|job| store.write(job)).map(Box::pin).collect();
    let mut refused = Vec::new();
    for job in &mut waiting {
        // Polled once: that puts it into the queue, or is refused.
        let first = std::future::poll_fn(|context| Poll::Ready(job.as_mut().poll(context))).await;
        refused.push(match first {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        });
    }
    meanwhile.await;
    open_gate.send(()).unwrap();
    gatekeeper.await.unwrap().unwrap();
    let mut answers = Vec::new();
    for (job, refused) in waiting.into_iter().zip(refused) {
        answers.push(match refused {
            Some(answer) => answer,
            None => job.await,
        });
    }
    answers
}

fn insert(name: &'static str, runs: &Arc<AtomicUsize>) -> Job<()> {
    let runs = Arc::clone(runs);
    Box::new(move |connection| {
        runs.fetch_add(1, Ordering::Relaxed);
        connection.execute("INSERT INTO customer (number, name) VALUES (?1, '')", [name])?;
        Ok(())
    })
}

#[tokio::test]
async fn a_job_that_fails_does_not_harm_those_it_shared_a_commit_with() {
    let (store, _dir) = fresh(Options::default());
    let runs = Arc::new(AtomicUsize::new(0));
    let jobs = ["1", "2", "1", "3"].map(|name| insert(name, &runs)).into_iter().collect();
    let answers = together(&store, jobs, async {}).await;
    assert!(matches!(answers[2], Err(StoreError::Conflict(_))), "{answers:?}");
    assert!(answers[0].is_ok() && answers[1].is_ok() && answers[3].is_ok(), "{answers:?}");
    // Three in the group until it failed, then four alone: they did share one transaction.
    assert_eq!(runs.load(Ordering::Relaxed), 7);
    let names = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT number FROM customer ORDER BY number")?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        Ok(names.collect::<rusqlite::Result<Vec<_>>>()?)
    };
    assert_eq!(store.read(names).await.unwrap(), ["1", "2", "3"]);
}

#[tokio::test]
async fn what_does_not_fit_into_the_queue_is_refused_at_once() {
    let (store, _dir) = fresh(Options::default());
    let nothing = || -> Job<()> { Box::new(|_| Ok(())) };
    let jobs = (0..=writer::WRITES_WAITING_MAX).map(|_| nothing()).collect();
    let answers = together(&store, jobs, async {}).await;
    let (last, others) = answers.split_last().unwrap();
    assert!(matches!(last, Err(StoreError::Overloaded)), "{last:?}");
    assert!(others.iter().all(Result::is_ok));
}

#[tokio::test]
async fn what_waits_is_written_before_the_store_closes_even_if_nobody_waits_for_it() {
    let (store, dir) = fresh(Options::default());
    let runs = Arc::new(AtomicUsize::new(0));
    let (open_gate, gate) = std::sync::mpsc::channel::<()>();
    let mut hold = Box::pin(store.write(move |_| {
        gate.recv().unwrap();
        Ok(())
    }));
    let mut write = Box::pin(store.write(insert("1", &runs)));
    for job in [&mut hold as &mut (dyn Future<Output = _> + Unpin), &mut write] {
        let mut job = Pin::new(job);
        let first = std::future::poll_fn(|context| Poll::Ready(job.as_mut().poll(context))).await;
        assert!(first.is_pending());
    }
    drop((hold, write));
    open_gate.send(()).unwrap();
    drop(store);
    let again = SqliteStore::open(&dir.path().join("provisor.db"), Options::default()).unwrap();
    let count = |connection: &Connection| {
        Ok(connection.query_row("SELECT count(*) FROM customer", [], |row| row.get::<_, i64>(0))?)
    };
    assert_eq!(again.read(count).await.unwrap(), 1);
}

/// Waits until somebody has the turn of the database at `path`.
async fn until_somebody_waits(path: &Path) {
    let turn = File::open(turn::path(path)).unwrap();
    let taken = async {
        while turn.try_lock().is_ok() {
            turn.unlock().unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), taken).await.unwrap();
}

#[tokio::test]
async fn whoever_waits_for_the_end_of_another_process_write_is_next() {
    const ROUNDS: usize = 20;
    // Two stores on one file are to each other what two processes are.
    let (busy, dir) = fresh(Options { group_max: 1, ..Options::default() });
    let path = dir.path().join("provisor.db");
    let patient = SqliteStore::open(&path, Options::default()).unwrap();
    for _ in 0..ROUNDS {
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |who: &'static str| -> Job<()> {
            let order = order.clone();
            Box::new(move |_| {
                order.lock().unwrap().push(who);
                Ok(())
            })
        };
        let write = {
            let (patient, job) = (patient.clone(), note("patient"));
            async move { patient.write(job).await }
        };
        let jobs = (0..10).map(|_| note("busy")).collect();
        let mut waits = None;
        let answers = together(&busy, jobs, async {
            waits = Some(tokio::spawn(write));
            until_somebody_waits(&path).await;
        })
        .await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        waits.unwrap().await.unwrap().unwrap();
        let order = order.lock().unwrap();
        assert_eq!((order.first(), order.len()), (Some(&"patient"), 11), "{order:?}");
    }
}

#[tokio::test]
async fn a_large_batch_of_an_import_lands_in_several_transactions() {
    const ROWS: usize = 20_000; // far more than SQLite can insert in one landing's time
    let (store, _dir) = fresh(Options::default());
    store.write(insert("1", &Arc::default())).await.unwrap();
    let row = |number: usize| ImportRow {
        line: number as u64,
        iccid: format!("89440000{number:011}").parse().unwrap(),
        imsi: None,
        msisdn: None,
        customer: if number == ROWS / 2 { "2" } else { "1" }.parse().unwrap(),
        network: None,
        keys: SimKeys::default(),
    };
    let rows: Arc<[ImportRow]> = (0..ROWS).map(row).collect();
    let origin = Origin { actor: "test".to_owned(), request_id: None };
    let import = store.import_begin("f".to_owned(), origin, Timestamp::UNIX_EPOCH).await.unwrap();
    let (first, rest) = (Arc::clone(&rows), rows);
    let land = move |connection: &Connection| import::land(connection, import, &first);
    let (taken, bad) = store.write(land).await.unwrap();
    assert!((1..ROWS).contains(&taken) && bad.is_empty(), "{taken}, {bad:?}");
    // All of the others, however many transactions that takes, and those again that landed.
    let bad = store.import_rows(import, rest).await.unwrap();
    let mut lines: Vec<usize> = (0..taken).collect();
    lines.push(ROWS / 2);
    assert!(bad.iter().map(|row| usize::try_from(row.line).unwrap()).eq(lines), "{bad:?}");
    let count = |connection: &Connection| {
        Ok(connection.query_row("SELECT count(*) FROM sim", [], |row| row.get::<_, usize>(0))?)
    };
    assert_eq!(store.read(count).await.unwrap(), ROWS - 1);
}

/// Asks all of `questions` while the only reader is busy with one before them, so that they share transactions.
async fn asked_together<T: Send + 'static>(
    store: &SqliteStore,
    questions: Vec<Question<T>>,
) -> Vec<Result<T, StoreError>> {
    let (open_gate, gate) = std::sync::mpsc::channel::<()>();
    let mut hold = Box::pin(store.read(move |_| {
        gate.recv().unwrap();
        Ok(())
    }));
    let mut waiting: Vec<_> = questions.into_iter().map(|ask| Box::pin(store.read(ask))).collect();
    assert!(
        std::future::poll_fn(|context| Poll::Ready(hold.as_mut().poll(context))).await.is_pending()
    );
    for ask in &mut waiting {
        let first = std::future::poll_fn(|context| Poll::Ready(ask.as_mut().poll(context))).await;
        assert!(first.is_pending());
    }
    open_gate.send(()).unwrap();
    hold.await.unwrap();
    let mut answers = Vec::new();
    for ask in waiting {
        answers.push(ask.await);
    }
    answers
}

type Question<T> = Box<dyn FnOnce(&Connection) -> Outcome<T> + Send>;

#[tokio::test]
async fn a_question_that_fails_or_panics_does_not_harm_those_it_shared_a_transaction_with() {
    let (store, _dir) = fresh(Options { readers: 1, ..Options::default() });
    let shares = |connection: &Connection| Ok(!connection.is_autocommit());
    let questions: Vec<Question<bool>> = vec![
        Box::new(shares),
        Box::new(|connection| Ok(connection.execute("DELETE FROM customer", [])? > 0)),
        Box::new(|_| panic!("as it was meant to")),
        Box::new(shares),
    ];
    for _ in 0..2 {
        let answers = asked_together(&store, vec![Box::new(shares), Box::new(shares)]).await;
        assert!(matches!(answers[..], [Ok(true), Ok(true)]), "{answers:?}");
    }
    let answers = asked_together(&store, questions).await;
    assert!(matches!(answers[..], [Ok(true), Err(_), Err(_), Ok(true)]), "{answers:?}");
    // What is committed from now on is seen: the transaction has ended.
    store.write(insert("1", &Arc::default())).await.unwrap();
    let seen = store
        .read(|connection| Ok(connection.query_one("SELECT 1 FROM customer", [], |_| Ok(()))?));
    seen.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_reads_what_was_committed_before_they_asked() {
    const CALLERS: usize = 16;
    const WRITES: usize = 100;
    let (store, _dir) = fresh(Options::default());
    let caller = |caller: usize| {
        let store = store.clone();
        async move {
            for write in 0..WRITES {
                let name = format!("{caller}.{write}");
                let row = name.clone();
                let add = move |connection: &Connection| {
                    connection
                        .execute("INSERT INTO customer (number, name) VALUES (?1, '')", [&row])?;
                    Ok(())
                };
                store.write(add).await.unwrap();
                let find = move |connection: &Connection| {
                    let mut found =
                        connection.prepare_cached("SELECT 1 FROM customer WHERE number = ?1")?;
                    Ok(found.exists([&name])?)
                };
                assert!(store.read(find).await.unwrap(), "caller {caller}, write {write}");
            }
        }
    };
    let callers: Vec<_> = (0..CALLERS).map(|number| tokio::spawn(caller(number))).collect();
    for caller in callers {
        caller.await.unwrap();
    }
}
