//! The faults of the simulated mail network.

use std::time::Duration;

use provisor_domain::driver::Outcome;
use provisor_drivers::conformance::mail::Subject as _;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::support::{Kind, Mail, additional, command, customer, directory, primary};

fn failing(kind: &str) -> Kind {
    Kind::Simulated(json!({ "failures": { kind: 1 }, "deadline_ms": 50 }))
}

#[tokio::test]
async fn faults_before_the_change_change_nothing() {
    let wanted = command("1", 1, vec![primary("1@a.de")]);
    let mail = Mail::new(failing("transient"));
    let outcome = mail.ensure(&wanted).await;
    assert!(matches!(outcome, Outcome::Later { after: None, .. }), "{outcome:?}");
    let mail = mail.again(failing("permanent"));
    let outcome = mail.ensure(&wanted).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    let mail = mail.again(failing("timeout"));
    let deadline = mail.driver().limits().command_deadline;
    assert!(timeout(deadline, mail.ensure(&wanted)).await.is_err());
    assert_eq!(mail.held(&customer("1")), None);
}

#[tokio::test]
async fn what_was_done_but_not_reported_is_confirmed_by_the_next_attempt() {
    let mail = Mail::new(failing("done_but_not_reported"));
    let mut wanted = command("1", 1, vec![primary("1@a.de"), additional("a@a.de")]);
    let outcome = mail.ensure(&wanted).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert!(mail.held(&customer("1")).unwrap().is_as(&wanted));
    wanted.fence.epoch += 1;
    assert_eq!(mail.ensure(&wanted).await, Outcome::Done);
    let mail = mail.again(failing("permanent"));
    wanted.fence.epoch += 1;
    assert_eq!(mail.ensure(&wanted).await, Outcome::Done, "there is nothing to refuse");
    assert_eq!(mail.held(&customer("1")).unwrap().fence, wanted.fence);
}

#[tokio::test]
async fn a_mail_network_that_is_down_says_so_and_changes_nothing() {
    let directory = directory();
    let switch = directory.path().join("down");
    let mail = Mail::in_directory(directory, Kind::Simulated(json!({ "outage_file": switch })));
    std::fs::write(&switch, "").unwrap();
    let wanted = command("1", 1, vec![primary("1@a.de")]);
    let outcome = mail.ensure(&wanted).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    assert_eq!(mail.held(&customer("1")), None);
    std::fs::remove_file(&switch).unwrap();
    assert_eq!(mail.ensure(&wanted).await, Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn a_command_takes_its_latency_and_too_many_are_turned_away() {
    let settings = json!({ "latency_ms": 80, "rate_per_second": 1 });
    let mail = Mail::new(Kind::Simulated(settings));
    assert_eq!(mail.driver().limits().per_second_max, Some(1));
    let began = Instant::now();
    assert_eq!(mail.ensure(&command("1", 1, vec![])).await, Outcome::Done);
    assert_eq!(began.elapsed(), Duration::from_millis(80));
    assert_eq!(mail.ensure(&command("1", 2, vec![])).await, Outcome::Done);
    let outcome = mail.ensure(&command("1", 3, vec![])).await;
    let Outcome::Later { after: Some(after), .. } = outcome else { panic!("{outcome:?}") };
    tokio::time::advance(after + Duration::from_millis(1)).await;
    assert_eq!(mail.ensure(&command("1", 3, vec![])).await, Outcome::Done);
}
