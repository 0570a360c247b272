//! An installation moves from a file to nodes on PostgreSQL.

use serde_json::json;

use crate::rig::*;

#[test]
fn an_installation_moves_with_its_open_orders_and_the_file_is_not_used_any_more() {
    // The network is away, so that an order is open when the installation moves.
    let world = World::on(Kind::Sqlite, BASE);
    world.file(OUTAGE_FILE, "");
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    let service = alice.connect(SIM_1);
    let members = json!({
        "sim": SIM_2, "name": "Unit", "contractCode": "1000274", "tariffCode": "TDOWN",
    });
    let open = alice.call("connectService", members).ticket();
    let (from, to) = (world.database_url(), World::empty_on(Kind::Postgres));
    let busy = run(world.dir(), &["copy", &from, &to.database_url()]).failed();
    assert!(busy.stderr.contains("serves"), "{busy:?}");
    drop(server);

    let wrong_way = run(world.dir(), &["copy", &to.database_url(), &from]).failed();
    assert!(wrong_way.stderr.contains("in this order"), "{wrong_way:?}");
    // As it is left by one that was killed before it could mark the file.
    let trial = run(world.dir(), &["copy", "--trial", &from, &to.database_url()]).succeeded();
    assert!(trial.stdout.contains("still the one in use"), "{trial:?}");
    let ran = run(world.dir(), &["copy", &from, &to.database_url()]).succeeded();
    assert!(ran.stdout.contains("compared"), "{ran:?}");
    let moved = world.cli(&["ticket", "list"]).failed();
    assert!(moved.stderr.contains("moved to"), "{moved:?}");

    world.end_outage();
    let mut command = to.serve_command();
    command.arg("--data-dir").arg(world.dir());
    let node = Server::start(&mut command, to.dir());
    let mut alice = Caller::alice(&node);
    assert_eq!(alice.ended(&open)["status"], "Completed");
    assert_eq!(alice.nina(SIM_1)["code"], service);
}
