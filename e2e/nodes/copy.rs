//! An installation moves from a file to nodes on PostgreSQL.

use std::path::Path;

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

#[test]
fn what_has_moved_is_not_sealed_with_a_second_key() {
    let world = World::on(Kind::Sqlite, BASE);
    let import = |world: &World, iccid: &str, key_file: Option<&Path>| {
        let csv = format!("iccid,customer,ki\n{iccid},1000000,{}\n", "5a".repeat(16));
        let mut import = command(PROVISOR, world.dir());
        import.args(["sim", "import", &world.file("keys.csv", &csv)]);
        import.args(["--database", &world.database_url()]);
        import.envs(key_file.map(|file| ("PROVISOR_SIM_KEY_FILE", file)));
        import.output().expect("the binary starts")
    };
    assert!(import(&world, "8910390000033300001", None).status.success());
    let to = World::empty_on(Kind::Postgres);
    run(world.dir(), &["copy", &world.database_url(), &to.database_url()]).succeeded();

    let refused = import(&to, "8910390000033300002", None);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("provisor.db.key"), "{told}");
    assert!(!to.dir().join("provisor.key").exists(), "no second key is made");
    let old = world.dir().join("provisor.db.key");
    let sealed = import(&to, "8910390000033300002", Some(&old));
    assert!(sealed.status.success(), "{}", String::from_utf8_lossy(&sealed.stderr));
}
