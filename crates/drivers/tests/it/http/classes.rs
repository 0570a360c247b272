//! What each way to fail is taken for, what is sent, and what is not.

use std::time::Duration;

use provisor_domain::driver::{Comparison, Driver as _, NetworkStatus, Outcome, Want, Wanted};
use provisor_drivers::http::HttpDriver;
use serde_json::{Value, json};

use super::element::{Element, Mode};
use super::suite::pyhss;
use super::{driver, mediation, with};
use crate::support::{absent, command, iccid, msisdn, present, world};

/// What the books have of the SIM: with its IMSI.
pub(crate) fn known(mut want: Want, sim: usize) -> Want {
    want.imsi.clone_from(&world().sims[sim].1);
    want
}

async fn ensure(driver: &HttpDriver, wants: Vec<Want>) -> Outcome {
    let wants = wants.into_iter().enumerate().map(|(sim, want)| known(want, sim)).collect();
    driver.ensure(&command(1, 1, wants)).await
}

fn answers(status: u16) -> Mode {
    Mode::Answers(status, &[], json!({ "error": "Ki=0123456789" }).to_string())
}

/// A word for the class, and what people are told.
fn told(outcome: Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Done => ("done", String::new()),
        Outcome::Refused { reason } => ("refused", reason),
        Outcome::Later { reason, .. } => ("later", reason),
        Outcome::Unavailable { reason } => ("unavailable", reason),
        Outcome::Unknown { reason } => ("unknown", reason),
        Outcome::Accepted { .. } => ("accepted", String::new()),
    }
}

#[tokio::test]
async fn each_answer_has_its_class_and_the_elements_words_are_not_shown() {
    for (mode, class) in [
        (answers(400), "refused"),
        (answers(409), "refused"),
        (answers(401), "unavailable"),
        (answers(307), "unavailable"),
        (answers(429), "later"),
        (answers(503), "later"),
        (answers(500), "unknown"),
        (answers(502), "unknown"),
        (Mode::Lies, "unknown"),
        (Mode::Drops, "unknown"),
        (Mode::ActsAndDrops, "done"),
        (Mode::ActsAndAnswers(500), "done"),
        (Mode::ActsAndAnswers(400), "done"),
    ] {
        let element = Element::start().await;
        element.set(mode.clone());
        let driver = driver(&mediation(&element));
        let (found, reason) = told(ensure(&driver, vec![present(0)]).await);
        assert_eq!(found, class, "{mode:?}: {reason}");
        assert!(!reason.contains("Ki"), "{reason}");
    }
}

#[tokio::test]
async fn without_a_query_the_answer_is_all_there_is() {
    for (mode, class) in [
        (Mode::Honest, "done"),
        (Mode::Lies, "done"),
        (answers(409), "refused"),
        (answers(503), "later"),
        (Mode::ActsAndDrops, "unknown"),
        (Mode::ActsAndAnswers(500), "unknown"),
    ] {
        let element = Element::start().await;
        element.set(mode.clone());
        let mut settings = mediation(&element);
        settings.as_object_mut().unwrap().remove("query");
        let driver = driver(&settings);
        assert_eq!(told(ensure(&driver, vec![present(0)]).await).0, class, "{mode:?}");
        assert_eq!(element.lines(), ["PUT /subs/8910390000000000000"]);
        let compared = driver.compare(&present(0)).await;
        assert!(matches!(compared, Comparison::Unknown { .. }), "{compared:?}");
        assert_eq!(driver.status(&iccid(0), None).await, NetworkStatus::Unknown);
    }
}

#[tokio::test]
async fn a_busy_element_says_for_how_long() {
    let element = Element::start().await;
    element.set(Mode::Answers(503, &[("retry-after", "7")], String::new()));
    let driver = driver(&mediation(&element));
    let outcome = ensure(&driver, vec![present(0)]).await;
    let after = Some(Duration::from_secs(7));
    assert!(matches!(&outcome, Outcome::Later { after: it, .. } if *it == after), "{outcome:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (element, elsewhere) = (Element::start().await, Element::start().await);
    let location = format!("http://{}/subs/x", elsewhere.address).leak();
    let headers = vec![("location", &*location)].leak();
    element.set_for_reading_too(Mode::Answers(302, headers, String::new()));
    let driver = driver(&mediation(&element));
    let (class, reason) = told(ensure(&driver, vec![present(0)]).await);
    assert_eq!(class, "unavailable");
    assert!(reason.contains("it redirects, which is not followed; mend `url`"), "{reason}");
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_element_that_is_not_there_is_unavailable() {
    let element = Element::start().await;
    let settings = mediation(&element);
    drop(element);
    let driver = driver(&settings);
    // The listener goes with its task, which was told to end.
    let gone = async {
        while told(ensure(&driver, vec![present(0)]).await).0 != "unavailable" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert_eq!(driver.status(&iccid(0), None).await, NetworkStatus::Unknown);
}

#[tokio::test]
async fn an_element_that_hangs_is_cut_off_and_looked_at() {
    let element = Element::start().await;
    element.set(Mode::ActsAndHangs);
    let quick = with(mediation(&element), json!({ "request_timeout_ms": 50 }));
    assert_eq!(ensure(&driver(&quick), vec![present(0)]).await, Outcome::Done, "it was read back");
    element.set(Mode::Hangs);
    let (class, _) = told(ensure(&driver(&quick), vec![present(1)]).await);
    assert_eq!(class, "unknown", "it may come yet");
    element.set_for_reading_too(Mode::ActsAndHangs);
    let (class, reason) = told(ensure(&driver(&quick), vec![absent(0)]).await);
    assert_eq!(class, "unknown");
    assert!(reason.ends_with("no answer within 50ms"), "{reason}");
}

#[tokio::test]
async fn an_answer_has_a_limit() {
    let element = Element::start().await;
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(300_000));
    element.set_for_reading_too(Mode::Answers(200, &[], long));
    let (class, reason) = told(ensure(&driver(&mediation(&element)), vec![present(0)]).await);
    assert_eq!(class, "unknown");
    assert!(reason.contains("length limit exceeded"), "{reason}");
}

#[tokio::test]
async fn what_is_no_answer_to_the_query_changes_nothing() {
    for (status, text, class) in [
        (200, "<html>busy", "later"),
        (500, "{}", "later"),
        (403, "{}", "later"),
        (401, "{}", "unavailable"),
    ] {
        let element = Element::start().await;
        element.set_for_reading_too(Mode::Answers(status, &[], text.to_owned()));
        let driver = driver(&mediation(&element));
        assert_eq!(told(ensure(&driver, vec![present(0)]).await).0, class, "{status} {text}");
        assert_eq!(element.lines(), ["GET /subs/8910390000000000000"]);
    }
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let element = Element::start().await;
    let driver = driver(&pyhss(&element));
    let mut wants = vec![present(0)];
    assert_eq!(ensure(&driver, wants.clone()).await, Outcome::Done);
    let query = "GET /subscriber/imsi/901700000000000";
    let created = [query, "GET /auc/iccid/8910390000000000000", "PUT /subscriber/", query];
    assert_eq!(element.lines(), created);
    assert_eq!(ensure(&driver, wants.clone()).await, Outcome::Done);
    assert_eq!(element.lines(), [query], "as wanted: nothing is written");
    if let Wanted::Present(subscription) = &mut wants[0].state {
        subscription.products.bars = vec![provisor_domain::service::AppliedBar {
            code: world().suspending_bar,
            suspends: true,
        }];
    }
    assert_eq!(ensure(&driver, wants).await, Outcome::Done);
    let suspended = [query, "PATCH /subscriber/1", query, "PATCH /subscriber/1", query];
    let seen = element.seen();
    assert_eq!(seen.iter().map(|seen| &*seen.line).collect::<Vec<_>>(), suspended);
    assert_eq!(seen[3].body, json!({ "enabled": false }));
    assert_eq!(
        driver.status(&iccid(0), world().sims[0].1.as_ref()).await,
        NetworkStatus::Suspended
    );
}

#[tokio::test]
async fn a_comparison_says_what_differs() {
    let element = Element::start().await;
    let driver = driver(&mediation(&element));
    let compared = driver.compare(&present(0)).await;
    assert_eq!(
        compared,
        Comparison::Differs { found: NetworkStatus::Absent, what: "not there".into() }
    );
    element.put(
        iccid(0).as_str(),
        json!({ "state": "suspended", "msisdn": msisdn(5), "tariff": "TEASEU1000MB", "apns": ["b", "a"] }),
    );
    let what = "apns a,b, not none; msisdn 07700000005, not 07700000000; suspended, not active";
    let differs = Comparison::Differs { found: NetworkStatus::Suspended, what: what.into() };
    assert_eq!(driver.compare(&present(0)).await, differs);
    assert!(element.lines().iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn what_was_done_before_a_refusal_is_taken_back_or_in_doubt() {
    let element = Element::start().await;
    let full = with(
        mediation(&element),
        json!({ "query": { "suspended": [{ "at": "/suspended", "in": [true] }] } }),
    );
    let all = driver(&full);
    for sim in 0..2 {
        assert_eq!(ensure(&all, vec![known(present(sim), sim)]).await, Outcome::Done);
    }
    let before = element.subscriber(iccid(0).as_str());
    let mut taken = present(2);
    if let Wanted::Present(subscription) = &mut taken.state {
        subscription.msisdn = Some(msisdn(1));
    }
    let wants = vec![absent(0), present(1), taken];
    assert_eq!(told(ensure(&all, wants.clone()).await).0, "refused");
    assert_eq!(element.subscriber(iccid(0).as_str()), before);
    // A query that does not read everything that is sent cannot put it back.
    let mut half = full;
    half["query"].as_object_mut().unwrap().remove("tariff");
    let (class, reason) = told(ensure(&driver(&half), wants).await);
    assert_eq!(class, "unknown");
    assert!(reason.ends_with("what was done before could not be taken back"), "{reason}");
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_before_anything_is_sent() {
    let element = Element::start().await;
    let driver = driver(&pyhss(&element));
    let mut other = present(0);
    if let Wanted::Present(subscription) = &mut other.state {
        subscription.tariff = "UNHEARD_OF".parse().unwrap();
    }
    let (class, reason) = told(ensure(&driver, vec![other]).await);
    assert_eq!((class, &*reason), ("refused", "`codes.tariff` has no word for UNHEARD_OF"));
    let without_imsi = driver.ensure(&command(1, 1, vec![present(0)])).await;
    let (class, reason) = told(without_imsi);
    assert_eq!(class, "refused");
    assert_eq!(reason, "the books have no IMSI for the SIM, which the element needs");
    assert!(element.lines().iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn headers_and_secrets_are_sent_and_not_shown() {
    let element = Element::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "canary-4711\n").unwrap();
    let headers = json!({ "headers": {
        "Authorization": { "file": &file, "prefix": "Bearer " }, "Accept": "application/json" },
        "present": { "headers": { "Idempotency-Key": "{key}", "Accept": "text/x" } } });
    let driver = driver(&with(mediation(&element), headers));
    assert_eq!(ensure(&driver, vec![present(0)]).await, Outcome::Done);
    let seen = element.seen();
    let header = |at: usize, name: &str| seen[at].headers.get(name).map(|v| v.to_str().unwrap());
    for at in 0..3 {
        assert_eq!(header(at, "authorization"), Some("Bearer canary-4711"));
        assert_eq!(header(at, "host"), Some(&*element.address.to_string()));
    }
    assert_eq!(
        (header(0, "accept"), header(1, "accept")),
        (Some("application/json"), Some("text/x"))
    );
    assert_eq!(header(1, "idempotency-key"), Some("1-0-present-0"));
    assert_eq!(header(1, "content-type"), Some("application/json"));
    assert!(!format!("{driver:?}").contains("canary"));
    std::fs::remove_file(&file).unwrap();
    let (class, reason) = told(ensure(&driver, vec![absent(0)]).await);
    assert_eq!(class, "unavailable");
    assert!(reason.contains("the secret in ") && !reason.contains("canary"), "{reason}");
}

#[tokio::test]
async fn an_address_that_nobody_allowed_is_not_connected_to() {
    let element = Element::start().await;
    let port = element.address.port();
    // By its name: what is written out is refused with the catalogue already.
    let named =
        json!({ "url": format!("http://localhost:{port}"), "allow_networks": ["10.0.0.0/8"] });
    let driver = driver(&with(mediation(&element), named));
    let (class, reason) = told(ensure(&driver, vec![present(0)]).await);
    assert_eq!(class, "unavailable");
    assert!(reason.contains("name its network in `allow_networks`"), "{reason}");
    assert_eq!(element.connections(), 0);
}

#[tokio::test]
async fn xml_is_sent_and_read() {
    let element = Element::start().await;
    let answer = "<Envelope><Body><Fault><code>4006</code></Fault></Body></Envelope>";
    let soap = json!({
        "present": {
            "method": "POST", "headers": { "SOAPAction": "CAI3G#Create" },
            "json": Value::Null,
            "xml": "<Envelope><Body><Create><imsi>{imsi}</imsi><tariff a=\"{tariff}\"/></Create></Body></Envelope>",
            "rules": [{ "at": "/Envelope/Body/Fault/code", "in": [4006], "is": "later", "say": "it is full" }],
        },
    });
    let mut settings = with(mediation(&element), soap);
    settings["present"].as_object_mut().unwrap().remove("json");
    element.set(Mode::Answers(500, &[], answer.to_owned()));
    let (class, reason) = told(ensure(&driver(&settings), vec![present(0)]).await);
    assert_eq!((class, &*reason), ("later", "present: it is full"));
    let seen = element.seen();
    assert_eq!(seen[1].headers["content-type"], "text/xml; charset=utf-8");
    assert_eq!(seen[1].headers["soapaction"], "CAI3G#Create");
}
