//! A portal customer's password: what opens the portal, what replaces it, and what ends a session.

use std::net::IpAddr;
use std::time::Duration;

use provisor_domain::portal::SecretForm;
use provisor_domain::store::{Operations, TicketFilter};
use provisor_domain::{OrderKind, Refusal, TicketState};
use provisor_engine::{Error, LogInError, PortalOrder, Raised};
use serde_json::json;
use tokio::time::Instant;

use crate::portal_rig::{ALICE, CROWDED, PortalWorld, enable, id, mail, md5, web};
use crate::rig::HERE;

use PortalOrder::{Disable, PackDisable, PackEnable};

const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

/// Alice with the password `test` and a mailbox, and somebody who carries tickets out.
async fn alice() -> (PortalWorld, crate::rig::Running) {
    let portal = PortalWorld::new().await;
    let running = portal.world.run();
    portal.done(ALICE, enable("test")).await;
    portal.done(ALICE, PackEnable(mail("5"))).await;
    (portal, running)
}

/// The kinds of the customer's tickets, oldest first.
async fn kinds(portal: &PortalWorld) -> Vec<OrderKind> {
    let filter = TicketFilter { portal: Some(id(ALICE)), limit: 100, ..TicketFilter::default() };
    let mut tickets = portal.world.store.ticket_list(filter).await.unwrap();
    tickets.sort_by_key(|ticket| ticket.id);
    tickets.into_iter().map(|ticket| ticket.kind).collect()
}

/// Chooses a password, and waits until it is the customer's.
async fn chosen(portal: &PortalWorld, present: &str, chosen: &str) -> Raised {
    let raised = portal.choose(ALICE, present, chosen).await.unwrap();
    portal.world.until(raised.ticket, &[TicketState::Completed]).await;
    raised
}

#[tokio::test]
async fn the_first_log_in_replaces_the_md5_everywhere_and_is_no_change_of_the_customers() {
    let (portal, running) = alice().await;
    assert_eq!(portal.held(ALICE).unwrap().secret.unwrap().form, SecretForm::Md5Hex);
    let session = portal.log_in(ALICE, "test", HERE).await.unwrap();
    portal.settled(ALICE).await;
    let auth = portal.auth(ALICE).await;
    assert_eq!(auth.secret.as_ref().unwrap().form, SecretForm::Plain);
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    assert!(!auth.customer.own_password, "pwdchanged");
    assert!(portal.holds(&session).await);
    // Once: the next log-in finds nothing to replace.
    assert!(portal.opens(ALICE, "test").await);
    let wanted = [OrderKind::PortalEnable, OrderKind::PackEnable, OrderKind::PortalPassword];
    assert_eq!(kinds(&portal).await, wanted);
    running.finish().await;
}

#[tokio::test]
async fn the_md5_itself_never_opens_anything() {
    let (portal, running) = alice().await;
    let hash = md5("test");
    for hash in [&hash, &hash.to_uppercase(), &md5(&hash)] {
        assert!(!portal.opens(ALICE, hash).await);
        let refused = portal.choose(ALICE, hash, "a password of my own").await;
        assert!(matches!(refused, Err(LogInError::Failed)), "{refused:?}");
    }
    assert_eq!(portal.auth(ALICE).await.secret.unwrap().form, SecretForm::Md5Hex);
    portal.world.clock.pass(Duration::from_mins(10));
    assert!(portal.opens(ALICE, "test").await);
    portal.settled(ALICE).await;
    assert!(!portal.opens(ALICE, &hash).await);
    assert!(portal.opens(ALICE, "test").await);
    running.finish().await;
}

#[tokio::test]
async fn a_chosen_password_counts_as_changed_until_the_next_enable() {
    let (portal, running) = alice().await;
    let raised = chosen(&portal, "test", "a password of my own").await;
    // Nothing that the provider asked for: no number, no state in a relation.
    let request = portal.world.engine.portal_request(raised.ticket, Duration::ZERO).await;
    assert!(matches!(request, Err(Error::Fault(_))), "{request:?}");
    let auth = portal.auth(ALICE).await;
    assert!(auth.customer.own_password);
    assert_eq!(auth.secret.unwrap().form, SecretForm::Plain);
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    assert!(!portal.opens(ALICE, "test").await);
    assert!(portal.opens(ALICE, "a password of my own").await);
    // Neither packs nor a disable forget it; the documented reset does.
    portal.done(ALICE, PackEnable(web("1G"))).await;
    portal.done(ALICE, Disable).await;
    assert!(portal.auth(ALICE).await.customer.own_password);
    portal.done(ALICE, enable("reset")).await;
    let auth = portal.auth(ALICE).await;
    assert!(!auth.customer.own_password);
    assert_eq!(auth.secret.unwrap().form, SecretForm::Md5Hex);
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    assert!(!portal.opens(ALICE, "a password of my own").await);
    assert!(portal.opens(ALICE, "reset").await);
    running.finish().await;
}

#[tokio::test]
async fn wrong_unknown_and_disabled_fail_alike_and_at_one_time() {
    let (portal, running) = alice().await;
    portal.done("kommitt/off", enable("test")).await;
    portal.done("kommitt/off", Disable).await;
    let long = "x".repeat(1_025);
    portal.done("kommitt/long", enable(&long)).await;
    let cases = [
        (ALICE, "wrong"),
        (ALICE, ""),
        ("kommitt/nobody", "test"),
        ("other/10953", "test"),
        (CROWDED, ""), // it has no password
        ("kommitt/off", "test"),
        ("kommitt/off", "wrong"),
        // Longer than any that is hashed; whoever has one needs another.
        ("kommitt/long", &long),
    ];
    for (customer, password) in cases {
        let began = Instant::now();
        let answer = portal.log_in(customer, password, HERE).await;
        assert!(matches!(answer, Err(LogInError::Failed)), "{customer} {answer:?}");
        assert!(began.elapsed() >= Duration::from_millis(120), "{customer} {password}");
        let began = Instant::now();
        let answer = portal.choose(customer, password, "a password of my own").await;
        assert!(matches!(answer, Err(LogInError::Failed)), "{customer} {answer:?}");
        assert!(began.elapsed() >= Duration::from_millis(120), "{customer} {password}");
    }
    assert!(portal.opens(ALICE, "test").await);
    running.finish().await;
}

#[tokio::test]
async fn guessing_at_one_customer_is_held_up_there_and_nowhere_else() {
    let (portal, running) = alice().await;
    // As long as numbers get, and different at the very end.
    let [long, twin] = ["a", "b"].map(|end| format!("kommitt/{}{end}", "x".repeat(63)));
    for customer in ["kommitt/bob", "other/10953", &long, &twin] {
        portal.done(customer, enable("test")).await;
    }
    for guess in 0..6 {
        assert!(!portal.opens(ALICE, &format!("guess {guess}")).await);
        assert!(!portal.opens(&long, &format!("guess {guess}")).await);
        // A right one of somebody else does not make the next guess free.
        assert!(portal.opens("kommitt/bob", "test").await && portal.opens(&twin, "test").await);
    }
    assert!(!portal.opens(ALICE, "test").await, "the guesses are not held up");
    assert!(!portal.opens(&long, "test").await, "the guesses are not held up");
    assert!(portal.opens("other/10953", "test").await);
    assert!(portal.opens(&twin, "test").await);
    assert!(portal.log_in(ALICE, "test", ELSEWHERE).await.is_ok());
    portal.world.clock.pass(Duration::from_mins(10));
    assert!(portal.opens(ALICE, "test").await);
    running.finish().await;
}

#[tokio::test]
async fn the_password_of_a_disabled_customer_does_not_make_guesses_free() {
    let (portal, running) = alice().await;
    portal.done(ALICE, Disable).await;
    for _ in 0..6 {
        assert!(!portal.opens(ALICE, "test").await);
    }
    portal.done(ALICE, enable("test")).await;
    assert!(!portal.opens(ALICE, "test").await, "what failed six times was not counted");
    portal.world.clock.pass(Duration::from_mins(10));
    assert!(portal.opens(ALICE, "test").await);
    running.finish().await;
}

#[tokio::test]
async fn a_password_that_is_too_short_or_too_long_is_unfit() {
    let (portal, running) = alice().await;
    for unfit in ["", "1234567", "üüüüüüü", &"x".repeat(1_025), &"ü".repeat(513)] {
        let answer = portal.choose(ALICE, "test", unfit).await;
        assert!(matches!(answer, Err(LogInError::Unfit(_))), "{unfit} {answer:?}");
    }
    assert_eq!(kinds(&portal).await, [OrderKind::PortalEnable, OrderKind::PackEnable]);
    let long = "x".repeat(1_024);
    chosen(&portal, "test", "12345678").await;
    chosen(&portal, "12345678", "üüüüüüüü").await;
    chosen(&portal, "üüüüüüüü", &long).await;
    assert!(portal.opens(ALICE, &long).await);
    running.finish().await;
}

#[tokio::test]
async fn a_session_ends_when_access_is_disabled_and_whenever_the_password_changes() {
    let (portal, running) = alice().await;
    let session = portal.log_in(ALICE, "test", HERE).await.unwrap();
    portal.settled(ALICE).await;
    let lasting = [
        PackEnable(mail("6")),
        PackEnable(web("1G")),
        PackDisable(web("1G")),
        PackDisable(mail("6")),
        PackEnable(mail("5")),
    ];
    for order in lasting {
        portal.done(ALICE, order.clone()).await;
        assert!(portal.holds(&session).await, "{order:?}");
    }
    chosen(&portal, "test", "a password of my own").await;
    assert!(!portal.holds(&session).await, "its own change");

    let session = portal.log_in(ALICE, "a password of my own", HERE).await.unwrap();
    assert!(portal.holds(&session).await);
    portal.done(ALICE, enable("reset")).await;
    assert!(!portal.holds(&session).await, "an enable with another password");

    let session = portal.log_in(ALICE, "reset", HERE).await.unwrap();
    portal.settled(ALICE).await;
    assert!(portal.holds(&session).await);
    portal.done(ALICE, Disable).await;
    assert!(!portal.holds(&session).await, "a disable");
    portal.done(ALICE, enable("reset")).await;
    assert!(!portal.holds(&session).await, "it comes back");
    running.finish().await;
}

#[tokio::test]
async fn while_a_ticket_is_open_a_choice_is_refused_and_the_md5_waits_for_the_next_log_in() {
    let (portal, running) = alice().await;
    running.finish().await;
    let raised = portal.order(ALICE, PackEnable(web("1G"))).await.unwrap();
    let session = portal.log_in(ALICE, "test", HERE).await.unwrap();
    assert!(portal.holds(&session).await);
    let answer = portal.choose(ALICE, "test", "a password of my own").await;
    let busy = Refusal::SubjectBusy(raised.ticket);
    let is_busy =
        |error: &LogInError| matches!(error, LogInError::Other(Error::Refused(r)) if *r == busy);
    assert!(answer.as_ref().is_err_and(is_busy), "{answer:?}");
    let wanted = [OrderKind::PortalEnable, OrderKind::PackEnable, OrderKind::PackEnable];
    assert_eq!(kinds(&portal).await, wanted);
    let running = portal.world.run();
    portal.settled(ALICE).await;
    assert_eq!(portal.auth(ALICE).await.secret.unwrap().form, SecretForm::Md5Hex);
    assert!(portal.opens(ALICE, "test").await);
    portal.settled(ALICE).await;
    assert_eq!(portal.auth(ALICE).await.secret.unwrap().form, SecretForm::Plain);
    running.finish().await;
}

#[tokio::test]
async fn a_log_in_works_while_the_mail_system_is_away() {
    let portal = PortalWorld::failing(json!({ "outage_file": "down" })).await;
    let running = portal.world.run();
    portal.done(ALICE, enable("test")).await;
    portal.done(ALICE, PackEnable(mail("5"))).await;
    let outage = portal.mail_dir.path().join("down");
    std::fs::write(&outage, "").unwrap();
    for _ in 0..3 {
        assert!(portal.opens(ALICE, "test").await);
    }
    assert_eq!(kinds(&portal).await.len(), 3, "one ticket waits, and no second one is raised");
    let waiting = portal.found(ALICE).await.open_ticket.unwrap();
    std::fs::remove_file(&outage).unwrap();
    portal.world.until_in_time(waiting, &[TicketState::Completed]).await;
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    assert!(portal.opens(ALICE, "test").await);
    running.finish().await;
}

/// Who proved the present password may replace that one, and no other.
#[tokio::test]
async fn of_many_choices_at_once_one_is_made() {
    let (portal, running) = alice().await;
    let call = portal.call(ALICE).await;
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let (engine, call) = (portal.world.engine.clone(), call.clone());
            tokio::spawn(async move {
                let (present, new) = ("test".into(), format!("password {number}"));
                let words = (&present, new.clone().into());
                engine
                    .portal_choose_password(&call.tenant, &call.customer, words, HERE)
                    .await
                    .map(|raised| (raised, new))
            })
        })
        .collect();
    let mut made = Vec::new();
    for caller in callers {
        match caller.await.unwrap() {
            Ok(answer) => made.push(answer),
            Err(
                LogInError::Failed | LogInError::Other(Error::Refused(Refusal::SubjectBusy(_))),
            ) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(made.len(), 1, "{made:?}");
    let (raised, new) = &made[0];
    portal.world.until(raised.ticket, &[TicketState::Completed]).await;
    portal.world.clock.pass(Duration::from_mins(10));
    assert!(portal.opens(ALICE, new).await);
    running.finish().await;
}
