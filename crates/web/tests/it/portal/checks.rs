//! The order of checks, and what every refusal is answered with.

use axum::http::{Method, StatusCode};
use provisor_domain::user::CredentialUse;

use super::*;

async fn told(call: Call, world: &World, status: u16, line: &str) {
    let answer = call.send(world).await;
    assert_eq!(answer.status.as_u16(), status, "{line}: {answer:?}");
    assert!(answer.body.contains(line), "{line}: {answer:?}");
}

#[tokio::test]
async fn one_thing_is_told_at_a_time_in_the_faces_order() {
    let world = World::new().await;
    let read_only =
        format!("Bearer {}", world.credential_of("backend", CredentialUse::Read, &[]).await);
    let write =
        format!("Bearer {}", world.credential_of("backend", CredentialUse::Write, &[]).await);
    let outside = |path: &str| get(path).from("192.0.2.7");
    world.maintenance(true).await;
    let wrong = "/nobody/ccsimplemailapi/pack/!/enable/none/0/x";
    told(outside(wrong).method(Method::PUT), &world, 404, "nothing at this path").await;
    let wrong = wrong.strip_suffix("/x").unwrap();
    told(outside(wrong).method(Method::PUT), &world, 405, "HTTP method").await;
    told(outside(wrong), &world, 404, "no such tenant").await;
    let wrong = wrong.replace("nobody", "kommitt");
    told(outside(&wrong), &world, 503, "Maintenance").await;
    world.maintenance(false).await;
    told(outside(&wrong), &world, 401, "Credentials are needed").await;
    let shown = |path: &str, credential: &str| outside(path).header("authorization", credential);
    told(shown(&wrong, &read_only), &world, 403, "may only read").await;
    told(shown(&wrong, &write), &world, 400, "ParCustId is not valid").await;
    let wrong = wrong.replace('!', "1");
    told(shown(&wrong, &write), &world, 404, "no such pack").await;
    let wrong = wrong.replace("none", "mail");
    told(shown(&wrong, &write), &world, 400, "from 1 to 10000").await;
    let wrong = wrong.replace("mail/0", "mail/1");
    told(shown(&wrong, &write), &world, 404, "no such customer").await;
    told(shown(&format!("{FACE}/access/1/enable/{HASH}0"), &write), &world, 400, "HASH").await;
    let right = format!("{FACE}/access/1/enable/{HASH}");
    let answer = shown(&right, &write).at_once().send(&world).await;
    assert_eq!(answer.status, StatusCode::OK);
    told(shown(&wrong, &write), &world, 409, "still pending").await;
}

#[tokio::test]
async fn refusals_have_their_statuses_and_say_what_to_do() {
    let world = World::new().await;
    let runner = world.run();
    for customer in ["Cust01", "cust01", "a.", "b"] {
        world.portal(&format!("access/{customer}/enable/{HASH}")).await;
    }
    world.portal("pack/Cust01/enable/mail/5").await;
    for (call, status, line) in [
        ("pack/none/list", 404, "access/PARCUSTID/enable/HASH"),
        ("mail/none/list", 404, "access/PARCUSTID/enable/HASH"),
        ("access/none/disable", 404, "access/PARCUSTID/enable/HASH"),
        ("pack/b/disable/web/1M", 404, "does not have this pack"),
        ("pack/Cust01/disable/mail/6", 409, "with the value 5;"),
        ("pack/10038892/enable/mail/2", 409, "uses 3 mailboxes"),
        ("pack/cust01/enable/mail/1", 409, "belongs to another customer"),
        ("pack/a./enable/mail/1", 400, "No mail address"),
        ("pack/b/enable/cloud/1G", 404, "no such pack"),
        ("pack/b/enable/web/5", 400, "such as 100M"),
        ("pack/b/enable/mail/010", 400, "from 1 to 10000"),
        ("pack/b/enable/mail/5M", 400, "from 1 to 10000"),
        ("access/b/enable/x", 400, "32 hexadecimal digits"),
        ("access/_b/status", 400, "1 to 64 letters"),
    ] {
        told(get(&format!("{FACE}/{call}")), &world, status, line).await;
    }
    let long = "x".repeat(65);
    told(get(&format!("{FACE}/access/{long}/status")), &world, 400, "1 to 64").await;
    told(get(&format!("{FACE}/access/b%20/status")), &world, 400, "1 to 64").await;
    told(get(&format!("{FACE}/access/b%00/status")), &world, 400, "1 to 64").await;
    drop(runner);
}

#[tokio::test]
async fn nothing_that_was_sent_is_in_an_error() {
    let world = World::new().await;
    for call in [
        "canary1/1/list",
        "access/canary1!/status",
        "access/1/enable/canary1",
        "access/1/canary1",
        "pack/1/enable/canary1/5",
        "pack/1/enable/mail/canary1",
        "pack/canary1/enable/mail/1",
        "pack/canary1/list",
        "access/canary1/disable?canary1=canary1",
    ] {
        let answer = get(&format!("{FACE}/{call}")).send(&world).await;
        assert!(answer.status.is_client_error() && !answer.body.contains("canary1"), "{answer:?}");
        let tenant = get(&format!("/canary1/ccsimplemailapi/{call}")).send(&world).await;
        assert!(!tenant.body.contains("canary1"), "{tenant:?}");
    }
}

#[tokio::test]
async fn errors_are_german_for_those_who_like_it_better() {
    let world = World::new().await;
    let call = || get(&format!("{FACE}/pack/none/list"));
    let german = call().header("accept-language", "de-DE,de;q=0.9,en;q=0.8").send(&world).await;
    let wanted =
        "Diesen Kunden gibt es nicht; legen Sie ihn mit access/PARCUSTID/enable/HASH an.\n";
    assert_eq!((german.status, german.body.as_str()), (StatusCode::NOT_FOUND, wanted));
    let english = call().header("accept-language", "de;q=0.8, en").send(&world).await;
    assert!(english.body.starts_with("There is no such customer; "), "{english:?}");
    for path in ["/ccsimplemailapi", "/nobody/ccSimpleMailApi/access/1/status"] {
        let german = get(path).header("accept-language", "de").send(&world).await;
        assert!(german.body.contains("es nicht") || german.body.contains("nichts"), "{german:?}");
    }
}

#[tokio::test]
async fn a_fault_is_answered_and_not_explained() {
    let world = World::new().await;
    let database = rusqlite::Connection::open(world.database()).unwrap();
    database.execute("ALTER TABLE portal_customer RENAME TO gone", []).unwrap();
    for call in ["access/1/status", "pack/1/enable/mail/1"] {
        told(get(&format!("{FACE}/{call}")), &world, 500, "the X-Request-Id of this answer").await;
    }
}

#[tokio::test]
async fn the_other_face_knows_nothing_of_a_portal_customers_ticket() {
    let world = World::new().await;
    let enable = get(&format!("{FACE}/access/1/enable/{HASH}")).at_once().send(&world).await;
    assert_eq!(enable.status, StatusCode::OK);
    let first = provisor_domain::TicketId::FIRST.to_string();
    let query = serde_json::json!({"ticket": {"id": first}});
    assert_eq!(world.call("queryTicket", query).await.code(), "401");
}

#[tokio::test]
async fn without_a_default_tenant_the_path_must_name_one() {
    let mut catalogue = catalogue();
    catalogue.tenants[0].default = false;
    let world = World::of(catalogue, provisor_web::HttpLimits::default()).await;
    told(get("/ccsimplemailapi/access/1/status"), &world, 404, "default = true").await;
    let named = get("/kommitt/ccsimplemailapi/access/1/status").send(&world).await;
    assert_eq!(named.status, StatusCode::OK);
}
