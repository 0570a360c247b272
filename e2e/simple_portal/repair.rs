//! Books and mail system that have drifted apart come together again; a catalogue that was edited strands nobody.

use std::path::Path;

use provisor_drivers::mail::MailStore;

use crate::rig::*;

/// Whether the primary mailbox of a customer works, as the mail system has it.
fn works(world: &World, file: &str, customer: &str) -> Option<bool> {
    let held = MailStore::customers(&world.dir().join(file)).expect("the lookup file");
    let held = held.into_iter().find(|held| held.customer.customer.as_str() == customer)?;
    held.mailboxes.first().map(provisor_domain::Mailbox::works)
}

fn copy(from: &Path, to: &Path) {
    let books = rusqlite::Connection::open(from).expect("the database");
    let target = to.to_str().expect("a plain path");
    books.execute("VACUUM INTO ?1", [target]).expect("a copy");
}

#[test]
fn after_a_restore_the_mail_system_is_told_anew_and_takes_orders_again() {
    let world = World::with_tenants();
    let mut server = world.serve();
    let mut back_end = BackEnd::new(&server, "kommitt");
    back_end.done(&format!("access/1/enable/{HASH}"));
    back_end.done("pack/1/enable/mail/1");
    let backup = world.dir().join("backup.db");
    copy(&world.database(), &backup);
    // What the backup does not know.
    back_end.done("pack/1/disable/mail/1");
    back_end.done("pack/1/enable/mail/2");
    back_end.done("pack/1/disable/mail/2");
    server.kill();
    for file in ["provisor.db-wal", "provisor.db-shm"] {
        let _not_there = std::fs::remove_file(world.dir().join(file));
    }
    std::fs::rename(&backup, world.database()).expect("the backup comes back");
    assert_eq!(works(&world, "mail/mail.db", "1"), Some(false));
    world.cli(&["adopt", "begin"]).succeeded();
    let told = world.cli(&["adopt", "status"]).succeeded();
    assert!(told.stdout.contains("mail sync"), "{told:?}");
    world.cli(&["mail", "sync"]).succeeded();
    assert_eq!(works(&world, "mail/mail.db", "1"), Some(true), "as the backup says");
    let server = world.serve();
    world.cli(&["adopt", "check"]).succeeded();
    world.cli(&["adopt", "finish"]).succeeded();
    let mut back_end = BackEnd::new(&server, "kommitt");
    eventually("callers to be served again", || {
        (back_end.call("access/1/status").status == 200).then_some(())
    });
    back_end.done("pack/1/disable/mail/1");
    assert_eq!(works(&world, "mail/mail.db", "1"), Some(false));
}

#[test]
fn what_a_cancelled_ticket_left_at_the_mail_system_is_put_right() {
    let world = World::with_tenants();
    let file = "downmail/mail.db";
    let server = world.serve();
    let mut back_end = BackEnd::new(&server, "down").with("Prefer", "respond-async");
    for path in [format!("access/1/enable/{HASH}"), "pack/1/enable/mail/1".to_owned()] {
        back_end.done(&path);
        back_end.clean("1");
    }
    for repaired_by_an_order in [false, true] {
        world.file(MAIL_OUTAGE_FILE, "");
        back_end.done("pack/1/disable/mail/1");
        let listed = world.cli(&["ticket", "list", "--portal", "down/1", "--limit", "1", "--json"]);
        let listed: serde_json::Value =
            serde_json::from_str(&listed.succeeded().stdout).expect("JSON");
        let ticket = listed[0]["id"].to_string();
        told_without_a_word(&world, file, &ticket);
        eventually("the ticket to be taken back", || {
            (world.cli(&["ticket", "cancel", &ticket]).code == Some(0)).then_some(())
        });
        assert_eq!(back_end.done("pack/1/list")["packs"][0]["pack"]["name"], "Mail");
        assert_eq!(works(&world, file, "1"), Some(false), "they have drifted apart");
        std::fs::remove_file(world.dir().join(MAIL_OUTAGE_FILE)).expect("the file was there");
        if repaired_by_an_order {
            // The same pack again: the books need no change, the mail system does.
            back_end.done("pack/1/enable/mail/1");
            back_end.clean("1");
        } else {
            world.cli(&["mail", "sync"]).succeeded();
        }
        assert_eq!(works(&world, file, "1"), Some(true));
    }
}

/// What a command of `ticket` leaves at the mail system when its answer gets lost.
fn told_without_a_word(world: &World, file: &str, ticket: &str) {
    let mail = rusqlite::Connection::open(world.dir().join(file)).expect("the lookup file");
    let sql = "UPDATE customer SET version = version + 1, ticket = ?1, epoch = 1";
    assert_eq!(mail.execute(sql, [ticket]).expect("the customer"), 1);
    let sql = "UPDATE mailbox SET kept_until = 4000000000000";
    assert_eq!(mail.execute(sql, []).expect("the mailbox"), 1);
}

#[test]
fn a_pack_that_was_respelled_or_is_not_sold_any_more_can_be_changed_and_ended() {
    let world = World::with_tenants();
    let server = world.serve();
    let mut back_end = BackEnd::new(&server, "kommitt");
    back_end.done(&format!("access/1/enable/{HASH}"));
    for pack in ["mail/2", "web/5G", "cloud/1T"] {
        back_end.done(&format!("pack/1/enable/{pack}"));
    }
    let edited = TENANTS
        .replace("{ name = \"Mail\", kind = \"count\" }", "{ name = \"MAIL\", kind = \"count\" }")
        .replace("{ name = \"Web\", kind = \"size\" }", "{ name = \"Web\", kind = \"count\" }")
        .replace(", { name = \"Cloud\", kind = \"size\" }", "");
    world.apply(&format!("{BASE}{edited}"));
    eventually("the catalogue to be seen", || {
        (back_end.call("pack/1/enable/web/7").status == 200).then_some(())
    });
    let spelled = back_end.done("pack/1/enable/mail/3");
    assert_eq!(spelled["dirty"], false);
    let packs = back_end.done("pack/1/list")["packs"].to_string();
    assert_eq!(packs.matches("ail").count() + packs.matches("AIL").count(), 1, "{packs}");
    back_end.done("pack/1/disable/mail/3");
    back_end.done("pack/1/disable/cloud/1T");
    back_end.done("pack/1/disable/web/7");
    assert_eq!(back_end.done("pack/1/list")["packs"], serde_json::json!([]));
    assert_eq!(back_end.call("pack/1/enable/cloud/1T").status, 404);
    assert_eq!(back_end.done("mail/1/list")["accounts"], serde_json::json!([]));
}

#[test]
fn a_tenants_mail_system_stays_the_one_it_has() {
    let world = World::with_tenants();
    let moved = TENANTS.replace("mail = \"DOWNMAIL\"\n", "");
    world.file("moved.toml", &format!("{BASE}{moved}"));
    let file = world.dir().join("moved.toml").display().to_string();
    let said = world.cli(&["catalogue", "apply", &file]).failed().stderr;
    assert!(said.contains("its mail system is DOWNMAIL and stays that"), "{said}");
}

/// The lookup file cannot be made, because a file is where its folder is to be.
#[test]
fn a_mail_system_that_could_not_be_started_is_started_once_nothing_is_in_its_way() {
    let world = World::with(
        r#"
        [[network]]
        code = "MAIL"
        driver = "mail"
        file = "blocked/mail.db"

        [[tenant]]
        name = "kommitt"
        mail_domain = "rapeedo.net"
        packs = [{ name = "Mail", kind = "count" }]
        "#,
    );
    let blocked = world.file("blocked", "");
    let server = world.serve();
    let figure = "provisor_network_reachable{network=\"MAIL\"}";
    let mut watcher = Client::new(server.metrics());
    let mut reachable = |value: &str| {
        eventually(&format!("{figure} {value}"), || {
            let figures = watcher.get("/metrics").body;
            figures.contains(&format!("{figure} {value}\n")).then_some(())
        });
    };
    let mut back_end = BackEnd::new(&server, "kommitt").with("Prefer", "respond-async");
    back_end.done(&format!("access/1/enable/{HASH}"));
    back_end.clean("1"); // no mailbox yet: nothing that the mail system must hear of
    assert_eq!(back_end.done("pack/1/enable/mail/1")["dirty"], true);
    let waiting = eventually("the ticket to say what it waits for", || {
        let listed = world.cli(&["ticket", "list", "--state", "pending"]).succeeded().stdout;
        listed.contains("driver cannot be started").then_some(listed)
    });
    let id = waiting.lines().nth(1).and_then(|line| line.split_whitespace().next());
    let shown = world.cli(&["ticket", "show", id.expect("a ticket's number")]).succeeded().stdout;
    assert!(shown.contains("driver cannot be started"), "{shown}");
    reachable("0");
    std::fs::remove_file(blocked).expect("it was there");
    reachable("1");
    back_end.clean("1");
    assert_eq!(works(&world, "blocked/mail.db", "1"), Some(true));
    let told = server.output().stderr().matches("cannot be driven").count();
    assert_eq!(told, 1, "said once, not every few seconds");
}
