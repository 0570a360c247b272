//! What the simulated network promises beyond the contract: faults by kind, outages, pace, repeatability, its log.

use std::time::Duration;

use provisor_domain::TicketId;
use provisor_domain::driver::{Driver as _, NetworkStatus, OnceKey, Outcome, Wanted};
use provisor_drivers::simulator::Simulator;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::support::{Network, absent, command, iccid, msisdn, present};

fn once(ticket: i64, epoch: i64) -> OnceKey {
    OnceKey { ticket: TicketId::new(ticket).unwrap(), epoch }
}

#[tokio::test]
async fn a_transient_fault_changes_nothing() {
    let network = Network::new(&json!({ "failures": { "transient": 1 } }));
    let outcome = network.ensure(1, 1, vec![present(0)]).await;
    assert!(matches!(outcome, Outcome::Later { after: None, .. }), "{outcome:?}");
    assert_eq!(network.subscribers(), []);
}

#[tokio::test]
async fn a_permanent_fault_changes_nothing_but_what_is_so_already_is_done() {
    let network = Network::new(&json!({}));
    assert_eq!(network.ensure(1, 1, vec![present(0)]).await, Outcome::Done);
    let network = network.again(&json!({ "failures": { "permanent": 1 } }));
    assert_eq!(network.ensure(1, 2, vec![present(0)]).await, Outcome::Done);
    for wants in [vec![present(1)], vec![absent(0)], vec![present(0), present(1)]] {
        let outcome = network.ensure(2, 1, wants).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    }
    assert_eq!(network.subscribers().len(), 1);
}

#[tokio::test]
async fn a_timeout_changes_nothing_and_never_answers() {
    let network = Network::new(&json!({ "failures": { "timeout": 1 }, "deadline_ms": 30 }));
    let deadline = network.simulator.limits().command_deadline;
    assert!(timeout(deadline, network.ensure(1, 1, vec![present(0)])).await.is_err());
    assert_eq!(network.subscribers(), []);
}

#[tokio::test]
async fn what_was_done_but_not_reported_is_confirmed_by_the_next_attempt() {
    let network = Network::new(&json!({ "failures": { "done_but_not_reported": 1 } }));
    let outcome = network.ensure(1, 1, vec![present(0)]).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let [subscriber] = network.subscribers().try_into().unwrap();
    assert_eq!((subscriber.iccid, subscriber.last), (iccid(0), once(1, 1)));
    assert_eq!(network.ensure(1, 2, vec![present(0)]).await, Outcome::Done);
    assert_eq!(network.subscribers()[0].last, once(1, 1), "confirmed without writing");
}

#[tokio::test]
async fn faults_are_the_same_for_the_same_seed_and_others_for_another() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let faults = json!({ "seed": seed, "failures": { "transient": 0.3, "permanent": 0.3 } });
        let network = Network::new(&faults);
        let mut outcomes = Vec::new();
        for ticket in 1..=60 {
            outcomes.push(network.ensure(ticket, 1, vec![present(0), absent(0)]).await);
        }
        runs.push(outcomes);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn an_old_command_is_carried_out_and_counted() {
    let network = Network::new(&json!({}));
    network.ensure(5, 2, vec![present(0)]).await;
    assert_eq!(network.simulator.counts().stale, 0);
    network.ensure(5, 1, vec![absent(0)]).await;
    assert_eq!(network.subscribers(), []);
    assert_eq!(network.simulator.counts().stale, 1);
}

#[tokio::test]
async fn a_network_that_is_down_says_so_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let switch = directory.path().join("down");
    let network = Network::in_directory(directory, &json!({ "outage_file": switch }));
    std::fs::write(&switch, "").unwrap();
    let outcome = network.ensure(1, 1, vec![present(0)]).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    assert_eq!(network.simulator.status(&iccid(0), None).await, NetworkStatus::Unknown);
    assert_eq!(network.subscribers(), []);
    std::fs::remove_file(&switch).unwrap();
    assert_eq!(network.ensure(1, 2, vec![present(0)]).await, Outcome::Done);
    assert_eq!(network.simulator.status(&iccid(0), None).await, NetworkStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_outage_comes_and_goes() {
    let network = Network::new(&json!({ "outages": [{ "every_s": 60, "for_s": 10 }] }));
    assert_eq!(network.ensure(1, 1, vec![present(0)]).await, Outcome::Done);
    tokio::time::advance(Duration::from_secs(55)).await;
    let outcome = network.ensure(2, 1, vec![absent(0)]).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(network.ensure(2, 2, vec![absent(0)]).await, Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn a_command_takes_its_latency_and_a_status_too() {
    let network = Network::new(&json!({ "latency_ms": 80 }));
    let began = Instant::now();
    assert_eq!(network.ensure(1, 1, vec![present(0)]).await, Outcome::Done);
    assert_eq!(began.elapsed(), Duration::from_millis(80));
    assert_eq!(network.simulator.status(&iccid(0), None).await, NetworkStatus::Active);
    assert_eq!(began.elapsed(), Duration::from_millis(160));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_ignores_the_limit_is_turned_away_and_told_for_how_long() {
    let network = Network::new(&json!({ "rate_per_second": 5 }));
    assert_eq!(network.simulator.limits().per_second_max, Some(5));
    for ticket in 1..=10 {
        assert_eq!(network.ensure(ticket, 1, vec![absent(0)]).await, Outcome::Done);
    }
    let outcome = network.ensure(11, 1, vec![absent(0)]).await;
    let Outcome::Later { after: Some(after), .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(network.simulator.counts().too_fast, 1);
    tokio::time::advance(after + Duration::from_millis(1)).await;
    assert_eq!(network.ensure(11, 2, vec![absent(0)]).await, Outcome::Done);
}

#[tokio::test]
async fn the_log_has_every_command_with_what_came_of_it() {
    let quiet = Network::new(&json!({}));
    quiet.ensure(1, 1, vec![present(0)]).await;
    assert_eq!(Simulator::logged(&quiet.file()).unwrap(), []);

    let network = quiet.again(&json!({ "log": true }));
    network.ensure(1, 2, vec![present(0)]).await;
    network.ensure(2, 1, vec![absent(0), present(1)]).await;
    let mut taken = present(2);
    let Wanted::Present(subscription) = &mut taken.state else { unreachable!() };
    subscription.msisdn = Some(msisdn(1));
    network.ensure(3, 1, vec![present(3), taken]).await;
    let network =
        network.again(&json!({ "log": true, "failures": { "done_but_not_reported": 1 } }));
    network.ensure(4, 1, vec![absent(1)]).await;
    let network = network.again(&json!({ "log": true, "failures": { "transient": 1 } }));
    network.ensure(5, 1, vec![present(4)]).await;

    let logged = Simulator::logged(&network.file()).unwrap();
    let words: Vec<_> = logged.iter().map(|entry| (entry.once, entry.outcome.as_str())).collect();
    let expected = [
        (once(1, 2), "unchanged"),
        (once(2, 1), "done"),
        (once(3, 1), "refused"),
        (once(4, 1), "done_but_not_reported"),
        (once(5, 1), "later"),
    ];
    assert_eq!(words, expected);
    assert_eq!(logged[1].wants, [(iccid(0), Wanted::Absent), (iccid(1), present(1).state)]);
    assert_eq!(network.subscribers(), [], "the refused command left no part behind");
}

#[tokio::test]
async fn a_command_that_is_given_up_is_still_carried_out_once_it_was_sent() {
    use futures_util::FutureExt as _;
    let network = Network::new(&json!({}));
    let given_up = command(1, 1, vec![present(0)]);
    assert_eq!(network.simulator.ensure(&given_up).now_or_never(), None);
    // Commands are carried out in the order they were sent.
    assert_eq!(network.ensure(2, 1, vec![present(1)]).await, Outcome::Done);
    assert_eq!(network.subscribers().len(), 2);
}
