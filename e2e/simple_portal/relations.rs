//! The document's relations, as an operator's own SQL sees them.

use rusqlite::Connection;

use crate::rig::*;

type Row = (i64, String, String, Option<String>, String);

fn rows(world: &World, relation: &str) -> Vec<Row> {
    let books = Connection::open(world.database()).expect("the database");
    let sql = format!(
        "SELECT sequence, \"ParCustId\", action, value, state FROM \"authentication_{relation}\"
         WHERE tenant = 'down' ORDER BY sequence"
    );
    let mut statement = books.prepare(&sql).expect("the relation");
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    };
    let rows = statement.query_map([], read).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

fn row(sequence: i64, id: &str, action: &str, value: Option<&str>, state: &str) -> Row {
    (sequence, id.into(), action.into(), value.map(Into::into), state.into())
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
