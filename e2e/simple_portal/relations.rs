//! The document's relations, as an operator's own SQL sees them.

use crate::rig::*;

type Row = Vec<Option<String>>;

fn rows(world: &World, relation: &str) -> Vec<Row> {
    let books = world.books();
    books.rows(&format!(
        "SELECT sequence, \"ParCustId\", action, value, state FROM {}
         WHERE tenant = 'down' ORDER BY sequence",
        books.relation(relation)
    ))
}

fn row(sequence: i64, id: &str, action: &str, value: Option<&str>, state: &str) -> Row {
    let sequence = sequence.to_string();
    [Some(sequence.as_str()), Some(id), Some(action), value, Some(state)]
        .map(|value| value.map(str::to_owned))
        .to_vec()
}

#[test]
fn every_request_is_a_row_with_its_number_and_its_state() {
    let world = World::with_tenants();
    world.file(MAIL_OUTAGE_FILE, "");
    let server = world.serve();
    let mut other = BackEnd::new(&server, "kommitt");
    other.done(&format!("access/1/enable/{HASH}"));
    let mut backend = BackEnd::new(&server, "down").with("Prefer", "respond-async");
    for id in ["1", "Cust01"] {
        assert_eq!(backend.call(&format!("access/{id}/enable/{HASH}")).status, 200);
        backend.clean(id);
    }
    assert_eq!(backend.done("pack/Cust01/enable/mail/5")["dirty"], true);
    // What is refused has no number.
    assert_eq!(backend.call("pack/Cust01/enable/web/5M").status, 409);
    assert_eq!(backend.call("pack/Cust02/enable/web/5M").status, 404);
    assert_eq!(backend.done("pack/1/enable/Web/5M")["sequence"], 2);
    backend.clean("1");
    let access = [row(1, "1", "enable", None, "DONE"), row(2, "Cust01", "enable", None, "DONE")];
    assert_eq!(rows(&world, "ProvPortalAccess"), access);
    let packs = |state| {
        [row(1, "Cust01", "enable", Some("5"), state), row(2, "1", "enable", Some("5M"), "DONE")]
    };
    assert_eq!(rows(&world, "ProvPortalPacks"), packs("PENDING"));

    // An operator takes the request back: it has failed, and the customer is free again.
    let listed =
        world.cli(&["ticket", "list", "--portal", "down/Cust01", "--state", "pending", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.succeeded().stdout).expect("JSON");
    let ticket = listed[0]["id"].to_string();
    world.cli(&["ticket", "cancel", &ticket]).succeeded();
    assert_eq!(rows(&world, "ProvPortalPacks"), packs("FAILED"));
    assert_eq!(backend.done("access/Cust01/status")["dirty"], false);
    assert_eq!(backend.done("pack/Cust01/list")["packs"], serde_json::json!([]));
}
