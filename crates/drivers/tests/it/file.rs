//! The simulated network's file: what survives, and what is refused.

use std::path::Path;

use provisor_domain::driver::{Driver as _, NetworkStatus, Outcome};
use provisor_drivers::FileError;
use provisor_drivers::simulator::{Settings, Simulator};
use serde_json::json;

use crate::support::{Network, absent, iccid, present};

#[tokio::test]
async fn what_was_answered_survives_a_restart() {
    let network = Network::new(&json!({}));
    assert_eq!(network.ensure(1, 1, vec![present(0)]).await, Outcome::Done);
    let before = network.subscribers();
    let network = network.again(&json!({}));
    assert_eq!(network.subscribers(), before);
    assert_eq!(network.simulator.status(&iccid(0), None).await, NetworkStatus::Active);
}

/// A process that is killed leaves its files as they are at that moment; so does a copy of them.
#[tokio::test]
async fn what_was_answered_survives_the_death_of_the_process() {
    let network = Network::new(&json!({}));
    for sim in 0..50 {
        assert_eq!(network.ensure(1, 1, vec![present(sim)]).await, Outcome::Done);
    }
    assert_eq!(network.ensure(2, 1, vec![absent(7)]).await, Outcome::Done);
    let left_behind = tempfile::tempdir().unwrap();
    for name in ["network.db", "network.db-wal"] {
        std::fs::copy(network.directory.path().join(name), left_behind.path().join(name)).unwrap();
    }
    let found = Simulator::subscribers(&left_behind.path().join("network.db")).unwrap();
    assert_eq!(found, network.subscribers());
    assert_eq!(found.len(), 49);
    let network = Network::in_directory(left_behind, &json!({}));
    assert_eq!(network.ensure(3, 1, vec![present(7)]).await, Outcome::Done);
    assert_eq!(network.subscribers().len(), 50);
}

#[tokio::test]
async fn a_file_of_another_network_or_of_something_else_is_refused() {
    let network = Network::new(&json!({}));
    let open = |file: &Path| Simulator::open(&"BS".parse().unwrap(), file, Settings::default());
    let error = open(&network.file()).unwrap_err();
    assert!(matches!(error, FileError::OtherNetwork { .. }), "{error}");
    assert!(error.to_string().contains("is the file of network AS, not of BS"), "{error}");

    let text = network.directory.path().join("text");
    std::fs::write(&text, "not a database, but long enough to be looked at").unwrap();
    let database = network.directory.path().join("other.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    for foreign in [text, database] {
        let error = open(&foreign).unwrap_err();
        assert!(matches!(error, FileError::Foreign { .. }), "{error}");
        let error = Simulator::subscribers(&foreign).unwrap_err();
        assert!(matches!(error, FileError::Foreign { .. }), "{error}");
    }

    let error = open(&network.directory.path().join("no/such/directory.db")).unwrap_err();
    assert!(error.to_string().contains("check that its directory exists"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_makes_the_network_unavailable_and_nothing_else() {
    let network = Network::new(&json!({}));
    assert_eq!(network.ensure(1, 1, vec![present(0)]).await, Outcome::Done);
    let other = rusqlite::Connection::open(network.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let outcome = network.ensure(2, 1, vec![absent(0)]).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    assert_eq!(network.simulator.status(&iccid(0), None).await, NetworkStatus::Active);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(network.ensure(2, 2, vec![absent(0)]).await, Outcome::Done);
}
