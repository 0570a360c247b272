//! From the API to the mail servers: a customer that is enabled over HTTP logs in at Debian's Dovecot with its own
//! password, gets mail through Debian's Postfix, and is shut out when its pack ends.

use provisor_drivers::mail::MailStore;

use crate::mail_servers::{MailServers, Place};
use crate::rig::*;

/// Its MD5 is [`HASH`].
const PASSWORD: &str = "test";

/// A server, and the mail servers that read what it provides.
struct Mail {
    world: World,
    server: Server,
    servers: MailServers,
}

impl Mail {
    fn new(customers: &str) -> Self {
        let place = Place::new();
        let file = place.lookup();
        let catalogue = format!(
            "[[network]]\ncode = \"MAIL\"\ndriver = \"mail\"\nfile = \"{}\"\n{LONELY}{customers}",
            file.display()
        );
        let world = World::with(&catalogue);
        let server = world.serve();
        Self { world, server, servers: place.start() }
    }

    fn back_end(&self) -> BackEnd {
        BackEnd::new(&self.server, "kommitt")
    }

    fn deliver(&self, to: &str, text: &str) -> Result<(), String> {
        self.servers.smtp().send("somebody@elsewhere.example", to, text).map(drop)
    }
}

const LONELY: &str = r#"
[[tenant]]
name = "kommitt"
mail_domain = "rapeedo.net"
packs = [{ name = "Mail", kind = "count" }]
"#;

#[test]
fn what_is_enabled_over_http_is_a_mailbox_and_what_is_disabled_is_shut_at_once() {
    let mail = Mail::new("");
    let mut back_end = mail.back_end();
    let address = "12345@rapeedo.net";
    let log_in = |password: &str| mail.servers.imap().login(address, password).map(drop);
    // The domain's first customer. (Postfix remembers for a while that it does not know a domain.)
    back_end.done(&format!("access/1/enable/{HASH}"));
    back_end.done("pack/1/enable/mail/1");
    log_in(PASSWORD).expect_err("nobody is there yet");
    let refused = mail.deliver(address, "too early").expect_err("nobody is there yet");
    assert!(refused.starts_with("550 5.1.1"), "{refused}");

    back_end.done(&format!("access/12345/enable/{HASH}"));
    back_end.done("pack/12345/enable/mail/5");
    log_in(PASSWORD).expect("the customer's own password, of which only the MD5 was handed over");
    for wrong in ["wrong", HASH, &HASH.to_uppercase(), ""] {
        log_in(wrong).expect_err("not the password");
    }
    mail.deliver(address, "the first mail").expect("it is delivered");
    let inbox = mail.servers.arrived(address, PASSWORD, 1);
    assert!(inbox[0].contains("the first mail"), "{inbox:?}");
    let sent = mail.servers.submission().send(address, "a@elsewhere.example", "not logged in");
    sent.expect_err("nobody sends who is not logged in");

    back_end.done("pack/12345/disable/mail/5");
    log_in(PASSWORD).expect_err("the pack has ended");
    let refused = mail.deliver(address, "too late").expect_err("the pack has ended");
    assert!(refused.starts_with("550 5.2.1"), "{refused}");

    // Another password ("a"), and the pack again: the mail is still there.
    back_end.done("access/12345/enable/0cc175b9c0f1b6a831c399e269772661");
    back_end.done("pack/12345/enable/mail/1");
    log_in(PASSWORD).expect_err("the old password");
    let inbox = mail.servers.arrived(address, "a", 1);
    assert!(inbox[0].contains("the first mail"), "{inbox:?}");
}

#[test]
fn a_customer_that_was_adopted_has_its_mailboxes_and_its_forwards() {
    let adopted = format!(
        r#"
[[portal_customer]]
tenant = "kommitt"
id = "10038892"
password_md5 = "{HASH}"
packs = [{{ name = "Mail", value = "3" }}]
mailboxes = [
  {{ address = "10038892@rapeedo.net", forward = "wreiti@rapeedo.net", keep_copy = true }},
  {{ address = "wreiti@rapeedo.net" }},
]
"#
    );
    let mail = Mail::new(&adopted);
    mail.world.cli(&["mail", "sync"]).succeeded();
    mail.deliver("10038892@rapeedo.net", "for both").expect("it is delivered");
    for address in ["wreiti@rapeedo.net", "10038892@rapeedo.net"] {
        let inbox = mail.servers.arrived(address, PASSWORD, 1);
        assert!(inbox[0].contains("for both"), "{address}: {inbox:?}");
    }
    // Fewer than are in use is refused; as many is not.
    let mut back_end = mail.back_end();
    let refused = back_end.call("pack/10038892/enable/mail/1");
    assert_eq!(refused.status, 409, "{refused:?}");
    back_end.done("pack/10038892/enable/mail/2");
}

#[test]
fn a_lookup_file_that_is_lost_is_made_again_from_the_books() {
    let world = World::with(LONELY);
    let mut server = world.serve();
    let mut back_end = BackEnd::new(&server, "kommitt");
    for id in ["1", "2"] {
        back_end.done(&format!("access/{id}/enable/{HASH}"));
        back_end.done(&format!("pack/{id}/enable/mail/1"));
    }
    back_end.done("pack/2/disable/mail/1");
    let file = world.dir().join("mail/mail.db");
    let held = || MailStore::customers(&file).expect("the lookup file");
    let before = held();
    // Beside a running server nothing changes by it.
    world.cli(&["mail", "sync"]).succeeded();
    assert_eq!(held(), before);
    server.kill();
    std::fs::remove_dir_all(world.dir().join("mail")).expect("the folder was there");
    let said = world.cli(&["mail", "sync"]).succeeded().stdout;
    assert!(said.contains("2 portal customers"), "{said}");
    let contents = |held: &[provisor_drivers::mail::Held]| -> Vec<_> {
        held.iter().map(|h| (h.customer.clone(), h.secret.clone(), h.mailboxes.clone())).collect()
    };
    assert_eq!(contents(&held()), contents(&before));
}

#[test]
fn the_printed_configuration_is_the_one_that_is_written() {
    let world = World::with(LONELY);
    let dir = world.dir().join("etc");
    for (server, names) in [
        ("dovecot", &["dovecot.conf", "sql.conf", "verify.lua"][..]),
        ("postfix", &["main.cf", "master.cf", "sql/domains.cf", "sql/access.cf"][..]),
    ] {
        let dir_text = dir.display().to_string();
        world.cli(&["mail", "config", server, "--dir", &dir_text]).succeeded();
        let printed = world.cli(&["mail", "config", server]).succeeded().stdout;
        for name in names {
            let written = std::fs::read_to_string(dir.join(name)).expect("it was written");
            let here = format!("/etc/provisor-mail/{server}");
            let written = written.replace(&dir_text, &here);
            assert!(printed.contains(&format!("# ==> {name} <==\n{written}")), "{name}");
        }
    }
    let nothing = World::with(BASE).cli(&["mail", "config", "dovecot"]).failed().stderr;
    assert!(nothing.contains("no mail system"), "{nothing}");
}
