//! Orders for portal customers: what they bring about in the books and at the mail system, what is refused and in which
//! order it is checked, and how a caller waits for the end.

use std::time::Duration;

use jiff::SignedDuration;
use provisor_domain::mail::MailboxKind;
use provisor_domain::portal::{Pack, RequestState, SecretForm};
use provisor_domain::store::{Operations, TicketMoved};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Mailbox, Refusal, TicketState};
use provisor_engine::{Error, PortalOrder};
use serde_json::json;
use tokio::time::Instant;

use crate::portal_rig::{ALICE, CROWDED, LONG, PortalWorld, enable, mail, web};
use crate::rig::{Running, origin};

use PortalOrder::{Disable, PackDisable, PackEnable};

#[tokio::test]
async fn the_documents_workflows_reach_the_books_and_the_mail_system() {
    let portal = PortalWorld::new().await;
    let running = portal.world.run();
    portal.done(ALICE, enable("test")).await;
    let found = portal.found(ALICE).await;
    let customer = found.customer.unwrap();
    assert!(customer.enabled && !customer.own_password);
    assert_eq!((found.packs, found.mailboxes, found.open_ticket), (vec![], vec![], None));
    assert_eq!(portal.auth(ALICE).await.secret.unwrap().form, SecretForm::Md5Hex);
    assert_eq!(portal.held(ALICE), None, "it has no mail yet");

    portal.done(ALICE, PackEnable(mail("5"))).await;
    let found = portal.found(ALICE).await;
    let primary = &found.mailboxes[0];
    assert_eq!(primary.address.as_str(), "10953@rapeedo.net");
    assert_eq!((found.mailboxes.len(), primary.kind), (1, MailboxKind::Primary));
    assert!(primary.works());
    portal.assert_mail_is_as_the_books_say(ALICE).await;

    let before = portal.held(ALICE);
    portal.done(ALICE, PackEnable(web("100M"))).await;
    assert_eq!(portal.held(ALICE), before, "it is none of the mail system's business");
    portal.done(ALICE, PackEnable(mail("6"))).await;
    let found = portal.found(ALICE).await;
    assert_eq!(
        (found.packs.as_slice(), found.mailboxes.len()),
        ([mail("6"), web("100M")].as_slice(), 1)
    );
    portal.assert_mail_is_as_the_books_say(ALICE).await;

    portal.done(ALICE, enable("another")).await;
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    assert_ne!(portal.held(ALICE).unwrap().secret, before.unwrap().secret);

    let before = portal.held(ALICE);
    portal.done(ALICE, Disable).await;
    assert!(!portal.found(ALICE).await.customer.unwrap().enabled);
    assert_eq!(portal.held(ALICE), before, "access is the portal's, not the mail system's");
    portal.done(ALICE, Disable).await;
    portal.done(ALICE, enable("test")).await;
    assert!(portal.found(ALICE).await.customer.unwrap().enabled);
    running.finish().await;
}

#[tokio::test]
async fn a_disabled_mail_pack_keeps_the_mail_for_the_tenants_days_and_the_next_one_brings_it_back()
{
    let portal = PortalWorld::new().await;
    let running = portal.world.run();
    portal.done(CROWDED, PackEnable(web("1G"))).await;
    let raised = portal.order(CROWDED, PackDisable(mail("5"))).await.unwrap();
    let detail = portal.world.until(raised.ticket, &[TicketState::Completed]).await;
    let found = portal.found(CROWDED).await;
    assert_eq!(found.packs, [web("1G")]);
    let until = detail.ticket.raised + SignedDuration::from_hours(30 * 24);
    assert_eq!(found.mailboxes.len(), 3);
    assert!(found.mailboxes.iter().all(|one| one.kept_until == Some(until)), "{found:?}");
    portal.assert_mail_is_as_the_books_say(CROWDED).await;
    // A smaller pack than before is in nobody's way now: only what works is in use.
    portal.done(CROWDED, PackEnable(mail("2"))).await;
    let works: Vec<_> = portal.found(CROWDED).await.mailboxes.iter().map(Mailbox::works).collect();
    assert_eq!(works, [true, true, false]);
    portal.assert_mail_is_as_the_books_say(CROWDED).await;
    running.finish().await;
}

#[tokio::test]
async fn requests_are_numbered_by_relation_and_tenant_and_a_refused_one_takes_no_number() {
    let portal = PortalWorld::new().await;
    let running = portal.world.run();
    let bob = "kommitt/bob";
    assert_eq!(portal.refused(bob, Disable).await, Refusal::PortalCustomerNotFound);
    let steps = [
        (ALICE, enable("test"), 1),
        (bob, enable("test"), 2),
        (ALICE, PackEnable(mail("5")), 1),
        (ALICE, Disable, 3),
        ("other/10953", enable("test"), 1),
        (bob, PackEnable(web("1G")), 2),
        ("other/10953", PackEnable(mail("1")), 1),
    ];
    for (customer, order, sequence) in steps {
        let request = portal.done(customer, order.clone()).await;
        assert_eq!(request.sequence, sequence, "{customer} {order:?}");
        assert_eq!(request.reason, None);
        let refused = portal.refused(customer, PackDisable(web("7T"))).await;
        assert!(matches!(refused, Refusal::PackNotActive | Refusal::PackValueDiffers(_)));
    }
    running.finish().await;
}

#[tokio::test]
async fn an_open_ticket_is_told_before_anything_else() {
    let portal = PortalWorld::new().await;
    let all = || {
        let impossible = [PackEnable(mail("1")), PackDisable(mail("1")), PackDisable(web("1G"))];
        [enable("x"), Disable, PackEnable(web("1G"))].into_iter().chain(impossible)
    };
    // Not known yet, and its number can be no address: but it is being made.
    for customer in [ALICE, "kommitt/a..b"] {
        let holder = portal.order(customer, enable("test")).await.unwrap().ticket;
        assert_eq!(portal.found(customer).await.open_ticket, Some(holder));
        for order in all() {
            let refused = portal.refused(customer, order.clone()).await;
            assert_eq!(refused, Refusal::SubjectBusy(holder), "{customer} {order:?}");
        }
    }
    // Known, with everything to contradict.
    let holder = portal.order(CROWDED, Disable).await.unwrap().ticket;
    for order in all() {
        assert_eq!(portal.refused(CROWDED, order).await, Refusal::SubjectBusy(holder));
    }
    // A ticket that was taken back locks nobody out.
    let now = jiff::Timestamp::UNIX_EPOCH;
    let why = "a mistake".to_owned();
    let moved = portal.world.store.ticket_cancel(holder, why, origin(), now).await.unwrap();
    assert_eq!(moved, TicketMoved::To(TicketState::Cancelled));
    portal.order(CROWDED, Disable).await.unwrap();
}

#[tokio::test]
async fn whoever_is_not_known_can_only_be_enabled() {
    let portal = PortalWorld::new().await;
    let orders = [Disable, PackEnable(mail("1")), PackEnable(web("1G")), PackDisable(mail("1"))];
    // The same number at another tenant is another customer; and what can be no address is not known either.
    for customer in [ALICE, "other/crowded", "kommitt/a..b"] {
        for order in orders.clone() {
            let refused = portal.refused(customer, order.clone()).await;
            assert_eq!(refused, Refusal::PortalCustomerNotFound, "{customer} {order:?}");
        }
    }
}

#[tokio::test]
async fn a_pack_that_contradicts_what_stands_is_refused() {
    let portal = PortalWorld::new().await;
    let running = portal.world.run();
    let off = |pack| portal.refused(CROWDED, PackDisable(pack));
    assert_eq!(off(web("1G")).await, Refusal::PackNotActive);
    assert_eq!(off(mail("4")).await, Refusal::PackValueDiffers(mail("5").value));
    let fewer = portal.refused(CROWDED, PackEnable(mail("2"))).await;
    assert_eq!(fewer, Refusal::MailboxesInUse(3));
    portal.done(CROWDED, PackEnable(mail("3"))).await;
    assert_eq!(off(mail("5")).await, Refusal::PackValueDiffers(mail("3").value));
    let respelled = Pack { name: "MAIL".parse().unwrap(), ..mail("3") };
    portal.done(CROWDED, PackDisable(respelled)).await;
    assert_eq!(off(mail("3")).await, Refusal::PackNotActive);
    running.finish().await;
}

#[tokio::test]
async fn an_address_is_one_customers_as_long_as_its_mail_is_kept() {
    let portal = PortalWorld::new().await;
    let running = portal.world.run();
    // Mail knows no capital letters, customers' numbers do.
    for customer in ["kommitt/Cust01", "kommitt/cust01", "kommitt/a..b", "other/cust01"] {
        portal.done(customer, enable("test")).await;
    }
    portal.done("kommitt/Cust01", PackEnable(mail("5"))).await;
    let taken = Refusal::AddressTaken("cust01@rapeedo.net".parse().unwrap());
    assert_eq!(portal.refused("kommitt/cust01", PackEnable(mail("5"))).await, taken);
    portal.done("kommitt/Cust01", PackDisable(mail("5"))).await;
    assert_eq!(portal.refused("kommitt/cust01", PackEnable(mail("5"))).await, taken);
    portal.done("kommitt/Cust01", PackEnable(mail("5"))).await;
    portal.done("other/cust01", PackEnable(mail("5"))).await;
    // No address at all; but what is no mail needs none.
    let impossible = portal.refused("kommitt/a..b", PackEnable(mail("5"))).await;
    assert_eq!(impossible, Refusal::AddressImpossible);
    portal.done("kommitt/a..b", PackEnable(web("1G"))).await;
    running.finish().await;
}

#[tokio::test]
async fn of_two_who_reach_for_an_address_together_one_gets_it_and_the_other_is_told_why_not() {
    let portal = PortalWorld::new().await;
    let running = portal.world.run();
    let both = ["kommitt/Cust01", "kommitt/cust01"];
    for customer in both {
        portal.done(customer, enable("test")).await;
    }
    running.finish().await;
    // Neither can see the other's mailbox while both are checked.
    let first = portal.order(both[0], PackEnable(mail("5"))).await.unwrap();
    let second = portal.order(both[1], PackEnable(mail("5"))).await.unwrap();
    let running = portal.world.run();
    let ends = [portal.request(first, LONG).await, portal.request(second, LONG).await];
    let failed = ends.iter().position(|end| end.state == RequestState::Failed).unwrap();
    assert_eq!(ends[1 - failed].state, RequestState::Done, "{ends:?}");
    let reason = ends[failed].reason.clone().unwrap();
    assert!(reason.contains("cust01@rapeedo.net belongs to another"), "{reason}");
    let found = portal.found(both[failed]).await;
    assert_eq!((found.open_ticket, found.packs, found.mailboxes), (None, vec![], vec![]));
    assert_eq!(portal.held(both[failed]), None);
    portal.assert_mail_is_as_the_books_say(both[1 - failed]).await;
    running.finish().await;
}

#[tokio::test]
async fn of_thirty_two_first_enables_at_once_one_is_opened() {
    let portal = PortalWorld::new().await;
    let call = portal.call(ALICE).await;
    let callers: Vec<_> = (0..32)
        .map(|number| {
            let (engine, call) = (portal.world.engine.clone(), call.clone());
            let order = enable(&format!("password {number}"));
            tokio::spawn(async move { engine.change_portal_customer(&call, order).await })
        })
        .collect();
    let (mut raised, mut busy) = (Vec::new(), Vec::new());
    for caller in callers {
        match caller.await.unwrap() {
            Ok(answer) => raised.push(answer),
            Err(Error::Refused(Refusal::SubjectBusy(holder))) => busy.push(holder),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((raised.len(), busy.len()), (1, 31));
    assert!(busy.iter().all(|holder| *holder == raised[0].ticket));
    let running = portal.world.run();
    assert_eq!(portal.request(raised[0], LONG).await.sequence, 1);
    assert_eq!(portal.done(ALICE, Disable).await.sequence, 2, "the others took no number");
    running.finish().await;
}

/// Polling the store finds an end a tenth of a second later at the earliest. Whoever is told of it is sooner.
#[tokio::test]
async fn a_wait_ends_with_the_ticket() {
    let portal = PortalWorld::failing(json!({ "latency_ms": 50 })).await;
    let running = portal.world.run();
    portal.done(ALICE, enable("test")).await;
    let told = Duration::from_millis(20)..Duration::from_millis(100);
    let mut took = Vec::new();
    for round in 0..40 {
        let order = if round % 2 == 0 { PackEnable(mail("5")) } else { PackDisable(mail("5")) };
        let raised = portal.order(ALICE, order).await.unwrap();
        let began = Instant::now();
        let request = portal.request(raised, LONG).await;
        assert_eq!(request.state, RequestState::Done);
        took.push(began.elapsed());
        if took.iter().any(|took| told.contains(took)) {
            running.finish().await;
            return;
        }
    }
    panic!("never told: {took:?}");
}

#[tokio::test]
async fn while_the_mail_system_is_away_patience_ends_first_and_the_request_stays_pending() {
    let portal = PortalWorld::failing(json!({ "outage_file": "down" })).await;
    let running = portal.world.run();
    portal.done(ALICE, enable("test")).await;
    let outage = portal.mail_dir.path().join("down");
    std::fs::write(&outage, "").unwrap();
    let raised = portal.order(ALICE, PackEnable(mail("5"))).await.unwrap();
    for patience in [Duration::ZERO, Duration::from_millis(250)] {
        let began = Instant::now();
        let request = portal.request(raised, patience).await;
        assert_eq!((request.state, request.reason), (RequestState::Pending, None));
        assert!(began.elapsed() >= patience);
    }
    // Dirty: visible, and locked.
    assert_eq!(portal.found(ALICE).await.open_ticket, Some(raised.ticket));
    assert_eq!(portal.refused(ALICE, Disable).await, Refusal::SubjectBusy(raised.ticket));
    assert_eq!(portal.held(ALICE), None);
    std::fs::remove_file(&outage).unwrap();
    let detail = portal.world.until_in_time(raised.ticket, &[TicketState::Completed]).await;
    let first = detail.attempts[0].failure.as_ref().unwrap();
    assert_eq!(first.kind, FailureKind::Unavailable);
    assert_eq!(portal.request(raised, Duration::ZERO).await.state, RequestState::Done);
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    running.finish().await;
}

#[tokio::test]
async fn a_wait_sees_what_another_process_carries_out() {
    let portal = PortalWorld::new().await;
    let raised = portal.order(ALICE, enable("test")).await.unwrap();
    let neighbour = portal.world.neighbour().await;
    let running = Running::of(&neighbour, false);
    let began = Instant::now();
    let request = portal.request(raised, LONG).await;
    assert_eq!(request.state, RequestState::Done);
    assert!(began.elapsed() < LONG / 2, "only its patience ended the wait");
    portal.done(ALICE, PackEnable(mail("5"))).await;
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    running.finish().await;
}

#[tokio::test]
async fn many_wait_for_one_ticket_and_some_leave_before_it_ends() {
    let portal = PortalWorld::new().await;
    let raised = portal.order(ALICE, enable("test")).await.unwrap();
    let wait = |patience| {
        let engine = portal.world.engine.clone();
        tokio::spawn(async move { engine.portal_request(raised.ticket, patience).await.unwrap() })
    };
    let (stay, leave): (Vec<_>, Vec<_>) = (0..8).map(|_| (wait(LONG), wait(LONG))).unzip();
    for left in leave {
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
    }
    let running = portal.world.run();
    for waiting in stay {
        assert_eq!(waiting.await.unwrap().state, RequestState::Done);
    }
    running.finish().await;
}

#[tokio::test]
async fn a_refusal_of_the_mail_system_fails_the_request_says_why_and_leaves_nothing() {
    let portal = PortalWorld::failing(json!({ "failures": { "permanent": 1 } })).await;
    let running = portal.world.run();
    portal.done(ALICE, enable("test")).await;
    let raised = portal.order(ALICE, PackEnable(mail("5"))).await.unwrap();
    let request = portal.request(raised, LONG).await;
    assert_eq!(request.state, RequestState::Failed);
    let reason = request.reason.unwrap();
    assert!(reason.contains("the simulated mail network refuses"), "{reason}");
    let found = portal.found(ALICE).await;
    assert_eq!((found.open_ticket, found.packs, found.mailboxes), (None, vec![], vec![]));
    assert_eq!(portal.held(ALICE), None);
    portal.done(ALICE, Disable).await;
    running.finish().await;
}

#[tokio::test]
async fn what_a_ticket_that_was_taken_back_left_at_the_mail_system_is_put_right_by_the_next_one() {
    let faults = json!({ "failures": { "done_but_not_reported": 1 } });
    let portal = PortalWorld::failing(faults).await;
    let running = portal.world.run();
    portal.done(ALICE, enable("test")).await;
    let raised = portal.order(ALICE, PackEnable(mail("5"))).await.unwrap();
    let detail = portal.world.attempted(raised.ticket).await;
    assert_eq!(detail.ticket.failure.unwrap().kind, FailureKind::OutcomeUnknown);
    let (why, now) = ("a mistake".to_owned(), detail.ticket.due);
    let store = &portal.world.store;
    store.ticket_cancel(raised.ticket, why, origin(), now).await.unwrap();
    let request = portal.request(raised, LONG).await;
    assert_eq!(request.state, RequestState::Failed);
    assert!(request.reason.is_some());
    assert_eq!(portal.found(ALICE).await.mailboxes, []);
    assert_eq!(portal.held(ALICE).unwrap().mailboxes.len(), 1, "it was done there");
    portal.done(ALICE, enable("another")).await;
    let raised = portal.order(ALICE, PackEnable(mail("1"))).await.unwrap();
    portal.world.until_in_time(raised.ticket, &[TicketState::Completed]).await;
    portal.assert_mail_is_as_the_books_say(ALICE).await;
    running.finish().await;
}

#[tokio::test]
async fn a_mail_system_that_fails_and_loses_answers_ends_up_as_the_books_say() {
    let faults =
        json!({ "seed": 3, "failures": { "transient": 0.2, "done_but_not_reported": 0.3 } });
    let portal = PortalWorld::failing(faults).await;
    let running = portal.world.run();
    let mut repeated = 0;
    for number in 0..4 {
        let customer = format!("kommitt/{number}");
        portal.done(&customer, enable("test")).await;
        let orders = [
            PackEnable(mail("5")),
            enable("another"),
            PackDisable(mail("5")),
            PackEnable(mail("1")),
        ];
        for order in orders {
            let raised = portal.order(&customer, order).await.unwrap();
            let ended = portal.world.until_in_time(raised.ticket, &[TicketState::Completed]).await;
            repeated += ended.attempts.len() - 1;
            portal.assert_mail_is_as_the_books_say(&customer).await;
        }
    }
    assert!(repeated > 4, "{repeated} repetitions: the faults are not felt");
    running.finish().await;
}
