//! Elements that report by calling back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use provisor_domain::Iccid;
use provisor_domain::driver::{Driver as _, Heard, OnceKey, Outcome, Report, Reported};
use provisor_drivers::conformance::Suite;
use provisor_drivers::http::HttpDriver;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::element::{Element, Mode};
use super::{driver, mediation, with};
use crate::support::{absent, command, iccid, present, world};

/// What stands in for the engine's side: it takes reports in.
#[derive(Debug, Clone, Default)]
struct Ear {
    heard: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    news: Arc<Notify>,
}

impl Ear {
    async fn listen() -> (Self, SocketAddr) {
        let ear = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let own = ear.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ear = own.clone();
                let service = service_fn(move |request| ear.clone().take(request));
                let serve = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(serve.await) });
            }
        });
        (ear, address)
    }

    async fn take(self, request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
        let token = request.uri().path().strip_prefix("/callbacks/").unwrap().to_owned();
        let body = request.into_body().collect().await?.to_bytes().to_vec();
        self.heard.lock().unwrap().insert(token, body);
        self.news.notify_waiters();
        Ok(Response::new(Full::default()))
    }

    /// The report about this attempt, whichever want it is about.
    async fn hear(self, once: OnceKey) -> (u16, Vec<u8>) {
        let of_this = format!("AS.{}.{}.", once.ticket, once.epoch);
        loop {
            let news = self.news.notified();
            let found = self.heard.lock().unwrap().iter().find_map(|(token, body)| {
                Some((token.strip_prefix(&of_this)?.parse().unwrap(), body.clone()))
            });
            match found {
                Some(found) => return found,
                None => news.await,
            }
        }
    }
}

/// A mediation that takes a subscriber with 202 and reports later.
fn reporting(element: &Element, ear: SocketAddr) -> Value {
    let asked = json!({ "answer": "callback", "json": { "report_to": "{callback}" } });
    with(
        mediation(element),
        json!({
            "query": { "suspended": [{ "at": "/suspended", "in": [true] }] },
            "present": asked,
            "look_after_s": 1,
            "give_up_after_s": 60,
            "callback": {
                "url": format!("http://{ear}"),
                "rules": [
                    { "at": "/result", "in": ["ok"], "is": "success" },
                    { "at": "/result", "in": ["busy"], "is": "later", "say": "the element is busy" },
                    { "at": "/result", "is": "refused", "say": "the element did not do it" },
                ],
            },
        }),
    )
}

fn without_query(mut settings: Value) -> Value {
    settings.as_object_mut().unwrap().remove("query");
    settings
}

/// The suite's checks but those that expect a refusal to leave the earlier parts of its command undone: here they
/// were done in an earlier attempt, and the answer is `Unknown`.
async fn passes(suite: &mut Suite<'_>) {
    suite.limits_are_sane().unwrap();
    suite.a_sim_comes_and_goes().await.unwrap();
    suite.ensuring_twice_is_ensuring_once().await.unwrap();
    suite.a_newer_attempt_confirms_an_older_one().await.unwrap();
    suite.a_suspending_bar_suspends_and_its_end_resumes().await.unwrap();
    suite.products_and_tariff_become_what_is_wanted().await.unwrap();
    suite.a_number_changes_and_the_old_one_is_free().await.unwrap();
    suite.a_sim_change_is_one_command().await.unwrap();
    suite.sims_are_independent().await.unwrap();
    suite.an_attempt_cut_off_leaves_nothing_that_the_next_cannot_mend().await.unwrap();
}

#[tokio::test]
async fn an_element_that_reports_passes() {
    let (element, (ear, address)) = (Element::start().await, Ear::listen().await);
    let driver = Arc::new(driver(&reporting(&element, address)));
    let hearing = driver.clone();
    let hear = move |once| {
        let (ear, driver) = (ear.clone(), hearing.clone());
        async move {
            let (part, body) = ear.hear(once).await;
            Report { part, says: driver.read_report(&body).unwrap() }
        }
        .boxed()
    };
    let look = |iccid: &Iccid| {
        element.subscriber(iccid.as_str()).map(|found| super::suite::subscription(&found))
    };
    passes(&mut Suite::new(&*driver, world()).look(&look).hear(&hear)).await;
}

/// What the engine knows after this outcome.
fn heard(outcome: &Outcome, report: Option<Report>) -> Heard {
    let accepted = match outcome {
        Outcome::Accepted { part, .. } => Some(*part),
        _ => None,
    };
    Heard { accepted, report }
}

/// An attempt at a SIM change, and then what `follow_up` makes of `report`.
async fn change(driver: &HttpDriver, report: Option<Report>) -> (Outcome, Outcome) {
    let wants = vec![absent(0), present(1)];
    let wants = wants.into_iter().zip(world().sims).map(|(mut want, (_, imsi))| {
        want.imsi = imsi;
        want
    });
    let wants: Vec<_> = wants.collect();
    let first = driver.ensure(&command(7, 1, wants.clone())).await;
    let heard = heard(&first, report);
    (first, driver.follow_up(&command(7, 2, wants), &heard).await)
}

fn refused() -> Reported {
    Reported::Refused { reason: "the element did not do it".into() }
}

#[tokio::test]
async fn silence_is_looked_at_and_nothing_is_sent_again() {
    let (element, (_ear, address)) = (Element::start().await, Ear::listen().await);
    let driver = driver(&reporting(&element, address));
    element.set(Mode::TakesInSilence);
    let (first, second) = change(&driver, None).await;
    assert!(matches!(first, Outcome::Accepted { .. }), "{first:?}");
    assert_eq!(second, first, "it waits on");
    let sent = element.lines().iter().filter(|line| !line.starts_with("GET")).count();
    assert_eq!(sent, 1);
    // It was done all the same.
    let body = json!({ "msisdn": "07700000001", "tariff": "TEASEU1000MB", "apns": [], "boltons": [], "bars": [] });
    element.put(iccid(1).as_str(), body);
    assert_eq!(change(&driver, None).await.1, Outcome::Done);
}

#[tokio::test]
async fn an_element_that_answers_later_is_looked_at_until_it_is_done() {
    let element = Element::start().await;
    let later = json!({
        "codes": { "state": { "active": "on", "suspended": "off" } },
        "query": { "suspended": [{ "at": "/state", "in": ["off"] }] },
        "present": { "answer": "later", "json": { "state": "{state}" } },
    });
    let driver = driver(&with(mediation(&element), later));
    element.set(Mode::TakesInSilence);
    let (first, second) = change(&driver, None).await;
    assert!(matches!(first, Outcome::Accepted { .. }), "{first:?}");
    assert_eq!(second, first);
    let mut sent = element.seen();
    sent.retain(|seen| seen.line.starts_with("PUT"));
    assert_eq!((sent.len(), &sent[0].body["state"]), (1, &json!("on")));
    element.put(iccid(1).as_str(), sent.remove(0).body);
    assert_eq!(change(&driver, None).await.1, Outcome::Done);
}

#[tokio::test]
async fn what_is_found_done_leads_to_the_next_part() {
    let element = Element::start().await;
    let later = json!({
        "query": { "suspended": [{ "at": "/suspended", "in": [true] }] },
        "present": { "answer": "later" }, "absent": { "answer": "later" },
    });
    let driver = driver(&with(mediation(&element), later));
    element.put(iccid(0).as_str(), json!({ "msisdn": "07700000001", "tariff": "TEASEU1000MB" }));
    element.set(Mode::ActsAndAnswers(202));
    let wants = vec![absent(0), crate::http::classes::known(present(1), 1)];
    let mut outcome = driver.ensure(&command(5, 1, wants.clone())).await;
    for next_part in 0..2 {
        assert!(
            matches!(outcome, Outcome::Accepted { part, .. } if part == next_part),
            "{outcome:?}"
        );
        let heard = heard(&outcome, None);
        outcome = driver.follow_up(&command(5, 2, wants.clone()), &heard).await;
    }
    assert_eq!(outcome, Outcome::Done);
    let mut sent = element.lines();
    sent.retain(|line| !line.starts_with("GET"));
    assert_eq!(sent, ["DELETE /subs/8910390000000000000", "PUT /subs/8910390000000000001"]);
}

#[tokio::test]
async fn a_report_that_it_was_done_is_looked_at_too() {
    let (element, (_ear, address)) = (Element::start().await, Ear::listen().await);
    let driver = driver(&reporting(&element, address));
    element.set(Mode::TakesInSilence);
    let done = Report { part: 1, says: Reported::Done };
    let (_, outcome) = change(&driver, Some(done)).await;
    let Outcome::Unknown { reason } = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "the element reported that it was done, but the SIM is not there");
}

#[tokio::test]
async fn a_report_that_it_was_not_done_is_a_refusal_unless_something_came_before_it() {
    let (element, (_ear, address)) = (Element::start().await, Ear::listen().await);
    let driver = driver(&reporting(&element, address));
    let report = |part, says| Some(Report { part, says });
    let (_, first_part) = change(&driver, report(0, refused())).await;
    assert!(matches!(first_part, Outcome::Refused { .. }), "{first_part:?}");
    let (_, second_part) = change(&driver, report(1, refused())).await;
    assert!(matches!(second_part, Outcome::Unknown { .. }), "{second_part:?}");
    let (_, busy) = change(&driver, report(1, Reported::Later { reason: "busy".into() })).await;
    assert!(matches!(busy, Outcome::Later { .. }), "{busy:?}");
}

#[tokio::test]
async fn without_a_query_the_report_leads_to_the_next_part() {
    let (element, (ear, address)) = (Element::start().await, Ear::listen().await);
    let settings = without_query(reporting(&element, address));
    let removing = json!({ "absent": {
        "method": "POST", "path": "/subs/{iccid}/remove", "answer": "callback",
        "json": { "report_to": "{callback}" } } });
    let driver = driver(&with(settings, removing));
    let wants = vec![absent(0), crate::http::classes::known(present(1), 1)];
    let mut outcome = driver.ensure(&command(9, 1, wants.clone())).await;
    for (epoch, next_part) in [(1, 0_u16), (2, 1)] {
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        let (part, body) = ear.clone().hear(command(9, epoch, vec![]).once).await;
        assert_eq!(part, next_part);
        let report = Report { part, says: driver.read_report(&body).unwrap() };
        let heard = heard(&outcome, Some(report));
        outcome = driver.follow_up(&command(9, epoch + 1, wants.clone()), &heard).await;
    }
    assert_eq!(outcome, Outcome::Done);
    let paths = ["POST /subs/8910390000000000000/remove", "PUT /subs/8910390000000000001"];
    assert_eq!(element.lines(), paths);
    let accepted = Some(1);
    let silence = Heard { accepted, report: None };
    let silent = driver.follow_up(&command(9, 4, wants), &silence).await;
    assert!(matches!(silent, Outcome::Accepted { part: 1, .. }), "{silent:?}");
    assert!(element.lines().is_empty());
}

#[tokio::test]
async fn a_report_is_read_by_its_rules_and_its_words_are_not_kept() {
    let (element, (ear, address)) = (Element::start().await, Ear::listen().await);
    let driver = driver(&reporting(&element, address));
    element.set(Mode::ReportsNo);
    let want = crate::http::classes::known(present(0), 0);
    let outcome = driver.ensure(&command(3, 1, vec![want])).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    let (_, body) = ear.hear(command(3, 1, vec![]).once).await;
    assert!(String::from_utf8_lossy(&body).contains("Ki="));
    assert_eq!(driver.read_report(&body), Some(refused()));
    assert_eq!(driver.read_report(br#"{"result":"ok"}"#), Some(Reported::Done));
    let busy = Reported::Later { reason: "the element is busy".into() };
    assert_eq!(driver.read_report(b"<result>busy</result>"), Some(busy));
    for nothing in [&b""[..], b"{}", b"ok", b"<a>"] {
        assert_eq!(driver.read_report(nothing), None);
    }
}
