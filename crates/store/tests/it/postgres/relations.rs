//! The document's two relations as an operator's own SQL reads them.

use provisor_domain::portal::PortalId;
use provisor_domain::store::{NewTicket, Settled, Verdict};
use provisor_domain::ticket::FailureKind;
use provisor_domain::{Order, TicketId};

use super::*;
use crate::conformance::portal_world::{enable_mail, enable_web, pack, portal, secret};
use crate::conformance::world::{World, a, failure, origin};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_read_the_two_relations() {
    let (store, database) = fresh();
    let mut world = World::new(store).await;
    world.start = "2026-11-22T20:12:15.007Z".parse().unwrap();
    let (id, other) = (portal("10953"), a::<PortalId>("other/10953"));
    world.enabled(&id).await;
    world.enabled(&other).await;
    let web = world.portal_order(&id, enable_web("100M")).await;
    world.opened(web).await;
    let lease = world.claim_mail(1, world.start).await.remove(0);
    let failed = Verdict::Failed(failure(FailureKind::Permanent));
    assert_eq!(world.settle(&lease, failed, world.start).await, Settled::Done);
    world.portal_done(world.portal_order(&id, enable_mail(&id, "5")).await).await;
    let off = Order::PackDisable { pack: pack("Mail", "5"), mail_kept_days: Some(30) };
    world.opened(world.portal_order(&id, off).await).await;
    let disable: TicketId =
        world.opened(world.portal_order(&other, Order::PortalDisable).await).await;
    let why = "not wanted".to_owned();
    world.store.ticket_cancel(disable, why, origin(), world.at(60)).await.unwrap();

    let at = "2026-11-22T20:12:15.007Z";
    let access = r#"SELECT sequence::text, tenant, "ParCustId", action, value, state, requested_at, finished_at, ticket::text
        FROM authentication."ProvPortalAccess" ORDER BY tenant, sequence"#;
    let wanted = [
        format!("1|kommitt|10953|enable|-|DONE|{at}|{at}|1224"),
        format!("1|other|10953|enable|-|DONE|{at}|{at}|1225"),
        format!("2|other|10953|disable|-|FAILED|{at}|2026-11-22T20:13:15.007Z|1229"),
    ];
    assert_eq!(database.table(access), wanted);
    let packs = r#"SELECT sequence::text, tenant, "ParCustId", action, pack, value, state, requested_at, finished_at
        FROM authentication."ProvPortalPacks" ORDER BY tenant, sequence"#;
    let wanted = [
        format!("1|kommitt|10953|enable|Web|100M|FAILED|{at}|{at}"),
        format!("2|kommitt|10953|enable|Mail|5|DONE|{at}|{at}"),
        format!("3|kommitt|10953|disable|Mail|5|PENDING|{at}|-"),
    ];
    assert_eq!(database.table(packs), wanted);
}

/// Which tables hold this text anywhere.
fn holders(database: &Database, text: &str) -> Vec<String> {
    let tables = "SELECT table_name::text FROM information_schema.tables \
        WHERE table_schema = 'provisor' AND table_type = 'BASE TABLE' ORDER BY 1";
    let holds = |table: &String| {
        let sql =
            format!("SELECT 'x' FROM provisor.{table} AS row WHERE row::text LIKE '%{text}%'");
        !database.table(&sql).is_empty()
    };
    database.table(tables).into_iter().filter(holds).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_nowhere_but_with_its_customer_and_its_open_ticket() {
    let (store, database) = fresh();
    let world = World::new(store).await;
    let id = portal("10953");
    world.enabled(&id).await;
    assert_eq!(holders(&database, "canary"), ["portal_customer"]);
    let reset = async |word: &str| NewTicket {
        secret: Some(secret(word)),
        ..world.portal_order(&id, Order::PortalEnable).await
    };
    let ticket = world.opened(reset("cancelled").await).await;
    assert_eq!(holders(&database, "canary-cancelled"), ["ticket_secret"]);
    let why = "not wanted".to_owned();
    world.store.ticket_cancel(ticket, why, origin(), world.start).await.unwrap();
    assert_eq!(holders(&database, "canary-cancelled"), [""; 0]);
    world.portal_done(reset("second").await).await;
    assert_eq!(holders(&database, "canary-first"), [""; 0], "the one before is forgotten");
    assert_eq!(holders(&database, "canary"), ["portal_customer"]);
}
