//! Every function in JSON and XML, and the document's workflows.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use axum::http::StatusCode;
use provisor_domain::{PortalId, TicketId};
use provisor_web::HttpLimits;
use provisor_web::simple_portal::Function;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::*;

/// The answer in both forms, with the members of the one checked by their text.
async fn both(world: &World, call: &str) -> (String, String) {
    let json = get(&format!("{FACE}/{call}")).send(world).await;
    assert_eq!(json.status, StatusCode::OK, "{call}: {json:?}");
    assert_eq!(json.header("content-type"), Some("text/json; charset=utf-8"));
    let xml = get(&format!("{FACE}/{call}")).xml().send(world).await;
    assert_eq!(xml.status, StatusCode::OK, "{call}: {xml:?}");
    assert_eq!(xml.header("content-type"), Some("text/xml; charset=utf-8"));
    let inner = xml.body.strip_prefix("<?xml version=\"1.0\"?>\n<response>\n");
    let inner = inner.and_then(|xml| xml.strip_suffix("\n</response>\n"));
    (json.body, inner.unwrap_or_else(|| panic!("{}", xml.body)).to_owned())
}

#[tokio::test]
async fn the_status_of_a_customer_through_its_life() {
    let world = World::new().await;
    let runner = world.run();
    let (json, xml) = both(&world, "access/Cust01/status").await;
    assert_eq!(
        json,
        r#"{"ParCustId":"Cust01","found":false,"enabled":false,"pwdchanged":0,"dirty":false}"#
    );
    let wanted = "    <ParCustId>Cust01</ParCustId>\n    <found>false</found>\n    \
        <enabled>false</enabled>\n    <pwdchanged>0</pwdchanged>\n    <dirty>false</dirty>";
    assert_eq!(xml, wanted);
    world.portal(&format!("access/Cust01/enable/{HASH}")).await;
    let (json, xml) = both(&world, "access/Cust01/status").await;
    assert_eq!(
        json,
        r#"{"ParCustId":"Cust01","found":true,"enabled":true,"pwdchanged":0,"dirty":false}"#
    );
    let known = wanted.replace("<found>false", "<found>true");
    assert_eq!(xml, known.replace("<enabled>false", "<enabled>true"));
    world.portal("access/Cust01/disable").await;
    let (json, _) = both(&world, "access/Cust01/status").await;
    assert_eq!(
        json,
        r#"{"ParCustId":"Cust01","found":true,"enabled":false,"pwdchanged":0,"dirty":false}"#
    );
    let (json, xml) = both(&world, &format!("access/{ADOPTED}/status")).await;
    assert!(json.contains(r#""enabled":true,"pwdchanged":1,"#), "{json}");
    assert!(xml.contains("<pwdchanged>1</pwdchanged>"), "{xml}");
    world.portal(&format!("access/{ADOPTED}/enable/{HASH}")).await;
    let (json, _) = both(&world, &format!("access/{ADOPTED}/status")).await;
    assert!(json.contains(r#""pwdchanged":0,"#), "an enable resets the password: {json}");
    drop(runner);
}

#[tokio::test]
async fn changes_are_numbered_in_their_relation_without_gaps() {
    let world = World::new().await;
    let runner = world.run();
    let changed = |customer: &str, sequence: u64| {
        format!(r#"{{"ParCustId":"{customer}","sequence":{sequence},"dirty":false}}"#)
    };
    for (call, sequence) in [
        (format!("access/12345/enable/{HASH}"), 1),
        ("pack/12345/enable/mail/5".into(), 1),
        ("packs/12345/enable/WEB/100M".into(), 2),
        ("pack/12345/enable/Mail/6".into(), 3),
        ("access/12345/disable".into(), 2),
        ("access/12345/disable".into(), 3),
        (format!("access/12345/enable/{}", HASH.to_uppercase()), 4),
        ("pack/12345/disable/mail/6".into(), 4),
    ] {
        // Carried out within the time that a call waits for it: the workflows of the document run straight through.
        let answer = get(&format!("{FACE}/{call}")).send(&world).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, changed("12345", sequence)));
    }
    for refused in ["pack/12345/disable/mail/6", "pack/12345/enable/web/0", "access/none/disable"] {
        assert_ne!(world.portal(refused).await.status, StatusCode::OK, "{refused}");
    }
    let xml = get(&format!("{FACE}/pack/12345/disable/web/100M")).xml().send(&world).await;
    let wanted = "<?xml version=\"1.0\"?>\n<response>\n    <ParCustId>12345</ParCustId>\n    \
        <sequence>5</sequence>\n    <dirty>false</dirty>\n</response>\n";
    assert_eq!(xml.body, wanted);
    // Each tenant counts for itself.
    let other = get(&format!("/other/ccsimplemailapi/access/12345/enable/{HASH}"));
    assert_eq!(other.send(&world).await.body, changed("12345", 1));
    drop(runner);
}

#[tokio::test]
async fn packs_are_listed_by_name_as_the_catalogue_spells_them() {
    let world = World::new().await;
    let runner = world.run();
    world.portal(&format!("access/14056/enable/{HASH}")).await;
    let (json, xml) = both(&world, "pack/14056/list").await;
    assert_eq!(json, r#"{"ParCustId":"14056","dirty":false,"packs":[]}"#);
    assert!(xml.ends_with("\n    <dirty>false</dirty>\n    <packs/>"), "{xml}");
    world.portal("pack/14056/enable/wEB/100M").await;
    world.portal("pack/14056/enable/mail/3").await;
    let (json, xml) = both(&world, "packs/14056/list").await;
    assert_eq!(
        json,
        r#"{"ParCustId":"14056","dirty":false,"packs":[{"pack":{"name":"Mail","value":"3"}},{"pack":{"name":"Web","value":"100M"}}]}"#
    );
    let wanted = "    <ParCustId>14056</ParCustId>
    <dirty>false</dirty>
    <packs>
        <pack>
            <name>Mail</name>
            <value>3</value>
        </pack>
        <pack>
            <name>Web</name>
            <value>100M</value>
        </pack>
    </packs>";
    assert_eq!(xml, wanted);
    drop(runner);
}

#[tokio::test]
async fn mailboxes_that_work_are_listed_primary_first_with_their_four_types() {
    let world = World::new().await;
    let runner = world.run();
    let (json, xml) = both(&world, &format!("mail/{ADOPTED}/list")).await;
    let account = |mail: &str, kind: &str, forward: &str| {
        format!(
            r#"{{"account":{{"mail":"{mail}@rapeedo.net","type":"{kind}","forward":{forward}}}}}"#
        )
    };
    let accounts = [
        account(ADOPTED, "TYPE_PRIMARY_FORWARD", "\"w@example.com\""),
        account("w.away", "TYPE_ADDITIONAL_FORWARD", "\"w@example.com\""),
        account("wolfgang", "TYPE_ADDITIONAL", "null"),
    ];
    assert_eq!(json, format!(r#"{{"ParCustId":"{ADOPTED}","accounts":[{}]}}"#, accounts.join(",")));
    assert!(xml.contains("            <forward>w@example.com</forward>\n"), "{xml}");
    world.portal(&format!("access/10953/enable/{HASH}")).await;
    let (json, _) = both(&world, "mail/10953/list").await;
    assert_eq!(json, r#"{"ParCustId":"10953","accounts":[]}"#);
    world.portal("pack/10953/enable/mail/1").await;
    let (json, xml) = both(&world, "mail/10953/list").await;
    let account = account("10953", "TYPE_PRIMARY", "null");
    assert_eq!(json, format!(r#"{{"ParCustId":"10953","accounts":[{account}]}}"#));
    let wanted = "    <ParCustId>10953</ParCustId>
    <accounts>
        <account>
            <mail>10953@rapeedo.net</mail>
            <type>TYPE_PRIMARY</type>
            <forward/>
        </account>
    </accounts>";
    assert_eq!(xml, wanted);
    world.portal("pack/10953/disable/mail/1").await;
    assert_eq!(both(&world, "mail/10953/list").await.0, r#"{"ParCustId":"10953","accounts":[]}"#);
    drop(runner);
}

#[tokio::test]
async fn while_a_request_is_pending_its_customer_is_dirty_and_every_change_is_refused() {
    let world = World::new().await;
    let enable = || get(&path(Function::AccessEnable, "Cust01")).at_once();
    let first = enable().send(&world).await;
    assert_eq!(first.body, r#"{"ParCustId":"Cust01","sequence":1,"dirty":true}"#);
    assert_eq!(first.header("preference-applied"), Some("respond-async"));
    let (json, _) = both(&world, "access/Cust01/status").await;
    assert_eq!(
        json,
        r#"{"ParCustId":"Cust01","found":false,"enabled":false,"pwdchanged":0,"dirty":true}"#
    );
    let (json, _) = both(&world, "pack/Cust01/list").await;
    assert_eq!(json, r#"{"ParCustId":"Cust01","dirty":true,"packs":[]}"#);
    assert_eq!(both(&world, "mail/Cust01/list").await.0, r#"{"ParCustId":"Cust01","accounts":[]}"#);
    for function in Function::ALL.into_iter().filter(|function| function.changes()) {
        let refused = get(&path(function, "Cust01")).send(&world).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{function:?}");
        assert!(refused.body.contains("still pending"), "{refused:?}");
    }
    let other = get(&path(Function::AccessEnable, "Cust02")).at_once().send(&world).await;
    assert_eq!(other.body, r#"{"ParCustId":"Cust02","sequence":2,"dirty":true}"#);
    let runner = world.run();
    world.settled("Cust01").await;
    assert!(
        both(&world, "access/Cust01/status").await.0.contains(r#""found":true,"enabled":true"#)
    );
    drop(runner);
}

#[tokio::test]
async fn of_many_changes_at_once_one_is_taken_and_the_others_are_refused() {
    let world = World::new().await;
    for (customer, sequence) in [("Cust01", 1), ("Cust02", 2)] {
        let call =
            async |_| get(&path(Function::AccessEnable, customer)).at_once().send(&world).await;
        let answers = futures_util::future::join_all((0..16).map(call)).await;
        let (taken, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == StatusCode::OK);
        let body = format!(r#"{{"ParCustId":"{customer}","sequence":{sequence},"dirty":true}}"#);
        assert_eq!(taken.iter().map(|answer| &answer.body).collect::<Vec<_>>(), [&body]);
        assert!(refused.iter().all(|answer| answer.status == StatusCode::CONFLICT), "{refused:?}");
        assert_eq!(refused.len(), 15);
    }
}

#[tokio::test]
async fn a_call_that_waits_in_vain_answers_that_its_request_is_pending() {
    let world = World::new().await;
    let began = std::time::Instant::now();
    let answer = get(&path(Function::AccessEnable, "Cust01")).send(&world).await;
    assert_eq!(answer.body, r#"{"ParCustId":"Cust01","sequence":1,"dirty":true}"#);
    assert_eq!(answer.header("preference-applied"), None);
    let waited = u128::from(provisor_domain::limits::SETTLE_WAIT_MILLIS);
    assert!(began.elapsed().as_millis() >= waited, "{:?}", began.elapsed());
}

/// The ticket that is open for a customer now.
async fn open_now(world: &World, customer: &str) -> Option<TicketId> {
    let id = PortalId { tenant: "kommitt".parse().unwrap(), customer: customer.parse().unwrap() };
    world.engine.portal_customer(&id).await.unwrap().open_ticket
}

/// The ticket that is open for a customer, as soon as there is one.
async fn open_ticket(world: &World, customer: &str) -> TicketId {
    let open = async {
        loop {
            if let Some(ticket) = open_now(world, customer).await {
                return ticket;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), open).await.expect("a ticket is opened")
}

#[tokio::test]
async fn a_request_that_fails_while_its_caller_waits_is_no_success() {
    let world = World::new().await;
    let enable = get(&path(Function::AccessEnable, "Cust01"));
    let waiting = enable.send(&world);
    let cancelled = async { world.cancel(open_ticket(&world, "Cust01").await).await };
    let (answer, ()) = tokio::join!(waiting, cancelled);
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{answer:?}");
    assert!(answer.body.starts_with("Request 1 was not carried out: "), "{answer:?}");
}

/// Tells that a future can go on.
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// On a busy machine a request can be over before it is looked up for its answer. Who would rather not wait is not told
/// what chance has it: his request is on disk, and that is the answer.
#[tokio::test]
async fn a_request_that_has_failed_already_was_taken_for_who_would_rather_not_wait() {
    let world = World::new().await;
    let enable = get(&path(Function::AccessEnable, "Cust01")).at_once();
    let mut call = std::pin::pin!(enable.send(&world));
    let woken = Arc::new(Woken(Notify::new()));
    let waker = Waker::from(woken.clone());
    // Step by step, up to where the ticket is open and the face has not heard of it.
    let ticket = loop {
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let woken = tokio::time::timeout(Duration::from_secs(30), woken.0.notified());
        woken.await.expect("the call goes on");
        if let Some(ticket) = open_now(&world, "Cust01").await {
            break ticket;
        }
    };
    world.cancel(ticket).await;
    let answer = call.await;
    assert_eq!(answer.body, r#"{"ParCustId":"Cust01","sequence":1,"dirty":false}"#);
    assert_eq!(answer.header("preference-applied"), Some("respond-async"));
    assert_eq!(answer.status, StatusCode::OK);
}

/// Nothing is carried out here, so whoever waits does so until his request is taken back.
#[tokio::test]
async fn calls_that_wait_leave_room_for_the_others() {
    let limits = HttpLimits { requests_in_flight_max: 8, ..HttpLimits::default() };
    let world = Arc::new(World::with(limits).await);
    let mut calls = JoinSet::new();
    for customer in 0..8 {
        let (world, path) = (world.clone(), path(Function::AccessEnable, &customer.to_string()));
        calls.spawn(async move { get(&path).send(&world).await });
    }
    for _ in 0..6 {
        let answer = calls.join_next().await.unwrap().unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.json()["dirty"], true, "{answer:?}");
        assert_eq!(answer.header("preference-applied"), None);
    }
    let other = world.call("getContracts", serde_json::json!({"customer": "1000000"})).await;
    assert_eq!(other.code(), "ok", "the other face has room: {other:?}");
    for customer in 0..8 {
        world.cancel(open_ticket(&world, &customer.to_string()).await).await;
    }
    let waited = calls.join_all().await;
    assert_eq!(waited.len(), 2, "a quarter of the places is for those who wait");
    for answer in waited {
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{answer:?}");
    }
}
