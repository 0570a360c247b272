//! A database that was put back in time: nothing is sent before the networks were read.

use std::fs::{self, File};

use serde_json::{Value, json};

use super::{Network, json_of, logged, repairs};
use crate::rig::*;

/// What the database of a world is at this moment.
fn backup(world: &World) -> std::path::PathBuf {
    let copy = world.dir().join("backup.db");
    let target = copy.to_str().expect("a plain path");
    let books = rusqlite::Connection::open(world.database()).expect("the database");
    books.execute("VACUUM INTO ?1", [target]).expect("a copy");
    copy
}

fn restore(world: &World, backup: &std::path::Path) {
    for file in ["provisor.db-wal", "provisor.db-shm"] {
        let _not_there = std::fs::remove_file(world.dir().join(file));
    }
    std::fs::rename(backup, world.database()).expect("the backup comes back");
}

fn bar(sim: &str) -> Value {
    json!({"service": {"sim": sim}, "barCode": "AS_SUS_MSISDN"})
}

#[test]
fn after_a_restore_nothing_is_sent_before_the_networks_were_read() {
    let world = World::on(Kind::Sqlite, &logged());
    let network = Network::of(&world);
    let mut server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.connect(SIM_1);
    alice.connect(SIM_2);
    server.kill();
    let backup = backup(&world);
    let mut server = world.serve();
    let mut alice = Caller::alice(&server);
    // What the copy does not know.
    alice.done("addBar", bar(SIM_1));
    alice.done("disconnectService", json!({"service": {"sim": SIM_2}}));
    server.kill();
    restore(&world, &backup);
    let sent = network.sent().len();

    let mut server = world.serve();
    assert!(server.output().stderr().contains("provisor adopt check"), "it says what to do");
    let mut alice = Caller::alice(&server);
    assert_eq!(alice.call("queryService", json!({"service": {"sim": SIM_1}})).code(), "000");
    let status = world.cli(&["adopt", "status"]).succeeded();
    assert!(status.stdout.contains("adopt check"), "{status:?}");
    let hasty = world.cli(&["adopt", "finish"]).failed();
    assert!(hasty.stderr.contains("adopt check"), "{hasty:?}");
    let read = world.cli(&["adopt", "check", "--json"]).succeeded();
    let read: Value = serde_json::from_str(&read.stdout).expect("JSON");
    let drifts = read["networks"][0]["drifts"].as_array().expect("a list");
    let of = |sim: &str| drifts.iter().find(|drift| drift["sim"] == sim).expect("it differs");
    assert_eq!(
        (&of(SIM_1)["kind"], &of(SIM_1)["found"]),
        (&json!("restored"), &json!("suspended"))
    );
    assert_eq!((&of(SIM_2)["kind"], &of(SIM_2)["found"]), (&json!("restored"), &json!("absent")));
    assert_eq!(network.sent().len(), sent, "reading sends nothing");
    // A start changes nothing about it.
    server.kill();
    let server = world.serve();
    assert_eq!(network.sent().len(), sent, "nothing was sent");
    world.cli(&["adopt", "finish"]).succeeded();
    let mut alice = Caller::alice(&server);
    alice.soon("ok");
    // The operator decides that the books are right.
    assert_eq!(repairs(&world).len(), 0, "nothing of it is repaired by itself");
    world.cli(&["network", "check", "AS", "--repair"]).succeeded();
    eventually("books and network to agree", || {
        (world.cli(&["network", "check", "AS"]).code == Some(0)).then_some(())
    });
    assert!(!network.subscriber(SIM_1).expect("it is there").suspended);
    assert_eq!(alice.nina(SIM_2)["status_code"], "A");
    assert!(network.subscriber(SIM_2).is_some());
    alice.done("addBar", bar(SIM_1));
}

#[test]
fn open_tickets_of_a_restored_database_are_told_by_where_they_stand() {
    let world = World::on(
        Kind::Sqlite,
        &logged().replacen("log = true", "log = true\noutage_file = \"as-is-down\"", 1),
    );
    let network = Network::of(&world);
    let server = world.serve();
    let mut alice = Caller::alice(&server);
    alice.connect(SIM_1);
    alice.connect(SIM_2);
    world.file("as-is-down", "");
    let open = [SIM_1, SIM_2].map(|sim| alice.call("addBar", bar(sim)).ticket());
    let backup = backup(&world);
    std::fs::remove_file(world.dir().join("as-is-down")).expect("it was there");
    for ticket in &open {
        assert_eq!(alice.ended(ticket)["status"], "Completed");
    }
    alice.done("removeBar", bar(SIM_2));
    drop(server);
    restore(&world, &backup);
    let sent = network.sent().len();
    // Whoever restores may say so before the start.
    world.cli(&["adopt", "begin"]).succeeded();
    let server = world.serve();
    let read = json_of(&world, &["adopt", "check", "--json"]);
    let stands = |id: &str| {
        let tickets = read["tickets"].as_array().expect("a list").iter();
        let id: i64 = id.parse().expect("a ticket's number");
        let mut found = tickets.filter(|ticket| ticket["id"] == id);
        found.next().expect("it is open")["stands"].clone()
    };
    assert_eq!(stands(&open[0]), "done");
    assert_eq!(stands(&open[1]), "not done");
    assert_eq!(network.sent().len(), sent);
    world.cli(&["ticket", "cancel", &open[1]]).succeeded();
    world.cli(&["adopt", "finish"]).succeeded();
    let mut alice = Caller::alice(&server);
    alice.soon("ok");
    assert_eq!(alice.ended(&open[0])["status"], "Completed");
    let sent = network.sent().split_off(sent);
    assert!(sent.iter().all(|command| command.outcome == "unchanged"), "{sent:?}");
    assert_eq!(world.cli(&["adopt", "finish"]).failed().code, Some(1));
}

/// A node of `world` with a data folder of its own. The simulated network's files are where the catalogue says.
fn node(world: &World, name: &str) -> Server {
    let folder = world.dir().join(name);
    fs::create_dir_all(&folder).expect("a folder");
    Server::start(world.serve_command().arg("--data-dir").arg(folder), world.dir())
}

/// The backup of docs/operate.md, beside running nodes.
fn dump(world: &World) -> std::path::PathBuf {
    let file = world.dir().join("provisor.dump");
    let ran = database_tool("pg_dump")
        .args(["--format=custom", "--schema=provisor", "--schema=authentication"])
        .arg(world.database_url())
        .stdout(File::create(&file).expect("a file"))
        .status();
    assert!(ran.expect("pg_dump starts").success());
    file
}

/// Its restore, all nodes stopped.
fn put_back(world: &World, dump: &std::path::Path) {
    let ran = database_tool("pg_restore")
        .args(["--clean", "--if-exists", "--single-transaction", "--dbname"])
        .arg(world.database_url())
        .stdin(File::open(dump).expect("the dump"))
        .status();
    assert!(ran.expect("pg_restore starts").success());
}

#[test]
fn after_a_restore_on_postgresql_no_node_sends_anything_before_the_networks_were_read() {
    let world = World::empty_on(Kind::Postgres);
    let (file, outage) = (world.dir().join("network-AS.db"), world.dir().join("as-is-down"));
    let driver = format!(
        "driver = \"simulated\"\nlog = true\nfile = {:?}\noutage_file = {:?}",
        file.display(),
        outage.display()
    );
    world.apply(&BASE.replacen("driver = \"simulated\"", &driver, 1));
    let network = Network::of(&world);
    let names = ["node-1", "node-2"];
    let mut nodes = names.map(|name| node(&world, name));
    let mut alice = Caller::alice(&nodes[0]);
    alice.connect(SIM_1);
    fs::write(&outage, "").expect("a file");
    let open = alice.call("addBar", bar(SIM_1)).ticket();
    let dump = dump(&world);
    nodes.iter_mut().for_each(Server::kill);
    nodes = names.map(|name| node(&world, name));
    fs::remove_file(&outage).expect("it was there");
    // What the copy does not know.
    let mut alice = Caller::alice(&nodes[1]);
    assert_eq!(alice.ended(&open)["status"], "Completed");
    alice.done("removeBar", bar(SIM_1));
    nodes.iter_mut().for_each(Server::kill);
    let sent = network.sent().len();

    // Each node remembers more than the copy, whichever comes first.
    for name in names {
        put_back(&world, &dump);
        let mut first = node(&world, name);
        assert!(first.output().stderr().contains("provisor adopt check"), "it says what to do");
        assert_eq!(Caller::alice(&first).call("addBar", bar(SIM_1)).code(), "000");
        first.kill();
    }
    let [first, second] = names.map(|name| node(&world, name));
    let read = json_of(&world, &["adopt", "check", "--json"]);
    assert_eq!(read["tickets"][0]["id"].to_string(), open);
    assert_eq!(read["tickets"][0]["stands"], "not done", "{read}");
    assert_eq!(network.sent().len(), sent, "nothing was sent");
    world.cli(&["adopt", "finish"]).succeeded();
    for node in [&first, &second] {
        let mut alice = Caller::alice(node);
        alice.soon("ok");
        assert_eq!(alice.ended(&open)["status"], "Completed");
    }
    assert!(network.sent().len() > sent, "now it was");
    assert!(network.subscriber(SIM_1).expect("it is there").suspended);
}
