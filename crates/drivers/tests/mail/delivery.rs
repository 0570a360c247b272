//! Where mail goes.

use provisor_domain::Mailbox;
use provisor_domain::portal::SecretForm;

use crate::books::{Books, forwarded, mailbox, primary, secret};
use crate::rig::Place;

const STRANGER: &str = "stranger@elsewhere.example";

#[test]
fn mail_reaches_its_mailbox_and_where_that_forwards_to() {
    let place = Place::new();
    let mut books = Books::open(&place);
    let servers = place.start();
    let word = secret("one", SecretForm::Md5Hex);
    let mailboxes = [
        &primary("Cust01@a.de"),
        &forwarded("only@a.de", "friend+tag@b.de", false),
        &forwarded("both@a.de", "Friend@B.de", true),
        &forwarded("dead@a.de", "nobody@b.de", false),
    ];
    books.set("Cust01", Some(&word), &mailboxes);
    books.set("2", Some(&secret("two", SecretForm::Plain)), &[&primary("friend@b.de")]);

    let mut smtp = servers.smtp();
    for to in ["cust01@a.de", "CUST01@A.DE", "cust01+tag@a.de"] {
        smtp.send(STRANGER, to, "direct").unwrap();
    }
    assert_eq!(servers.arrived("cust01@a.de", "one", 3), ["direct"; 3]);
    smtp.send(STRANGER, "only@a.de", "only forwarded").unwrap();
    assert_eq!(servers.arrived("friend@b.de", "two", 1), ["only forwarded"]);
    smtp.send(STRANGER, "both+x@a.de", "both").unwrap();
    assert_eq!(servers.arrived("both@a.de", "one", 1), ["both"]);
    assert_eq!(servers.arrived("friend@b.de", "two", 2), ["only forwarded", "both"]);
    // A forward to nowhere would bounce: the mail is kept.
    smtp.send(STRANGER, "dead@a.de", "kept").unwrap();
    assert_eq!(servers.arrived("dead@a.de", "one", 1), ["kept"]);
    assert_eq!(servers.inbox("only@a.de", "one"), [""; 0]);
}

#[test]
fn what_cannot_be_delivered_is_refused_before_it_is_taken() {
    let place = Place::new();
    let mut books = Books::open(&place);
    let servers = place.start();
    let word = secret("one", SecretForm::Plain);
    let small = Mailbox { quota_bytes: 20_000, ..primary("1@a.de") };
    let forward = forwarded("forward@a.de", "1@a.de", false);
    books.set("1", Some(&word), &[&small, &forward]);

    let mut smtp = servers.smtp();
    let mut refused = |to: &str, text: &str| smtp.send(STRANGER, to, text).unwrap_err();
    let unknown = refused("nobody@a.de", "x");
    assert!(unknown.starts_with("550 5.1.1"), "{unknown}");
    let foreign = refused("somebody@elsewhere.example", "x");
    assert!(foreign.starts_with("554 5.7.1"), "{foreign}");

    // Too large for what is left, by what the sender says of its size.
    let large = ["x".repeat(70).as_str(); 400].join("\r\n");
    for to in ["1@a.de", "forward@a.de"] {
        let full = refused(to, &large);
        assert!(full.starts_with("552 5.2.2"), "{to}: {full}");
    }
    // Full by what is in it.
    let half = ["y".repeat(70).as_str(); 270].join("\r\n");
    let mut smtp = servers.smtp();
    smtp.send(STRANGER, "1@a.de", &half).unwrap();
    servers.arrived("1@a.de", "one", 1);
    for to in ["1@a.de", "forward@a.de"] {
        let full = smtp.send(STRANGER, to, &half).unwrap_err();
        assert!(full.starts_with("552 5.2.2"), "{to}: {full}");
    }
    // More room counts with the next mail.
    books.set("1", Some(&word), &[&Mailbox { quota_bytes: 1_000_000, ..small }, &forward]);
    smtp.send(STRANGER, "forward@a.de", &half).unwrap();
    servers.arrived("1@a.de", "one", 2);
}

#[test]
fn mail_works_while_provisor_is_down() {
    let place = Place::new();
    let mut books = Books::open(&place);
    let word = secret("one", SecretForm::Md5Hex);
    books.set("1", Some(&word), &[&primary("1@a.de"), &mailbox("2@a.de")]);
    let beside = place.lookup().with_file_name("mail.db-shm");
    assert!(beside.exists());
    drop(books);
    assert!(!beside.exists(), "the servers have to make it anew");
    let servers = place.start();
    servers.smtp().send(STRANGER, "1@a.de", "still there").unwrap();
    assert_eq!(servers.arrived("1@a.de", "one", 1), ["still there"]);
}
