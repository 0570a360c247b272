//! Mailboxes that are switched off and on, and addresses that change hands.

use provisor_domain::portal::SecretForm;

use crate::books::{Books, forwarded, mailbox, primary, secret, switched_off};
use crate::rig::Place;

const STRANGER: &str = "stranger@elsewhere.example";

#[test]
fn a_mailbox_that_is_switched_off_is_closed_at_once_and_keeps_its_mail() {
    let place = Place::new();
    let mut books = Books::open(&place);
    let servers = place.start();
    let word = secret("one", SecretForm::Md5Hex);
    let (first, second) = (primary("1@a.de"), forwarded("2@a.de", "1@a.de", true));
    books.set("1", Some(&word), &[&first, &second]);
    let mut smtp = servers.smtp();
    smtp.send(STRANGER, "2@a.de", "old").unwrap();
    for user in ["1@a.de", "2@a.de"] {
        assert_eq!(servers.arrived(user, "one", 1), ["old"]);
    }

    books.set("1", Some(&word), &[&switched_off(&first), &switched_off(&second)]);
    for user in ["1@a.de", "2@a.de", "1+tag@a.de"] {
        let refused = smtp.send(STRANGER, user, "new").unwrap_err();
        assert!(refused.starts_with("550 5.2.1"), "{user}: {refused}");
    }
    for user in ["1@a.de", "2@a.de"] {
        let refused = servers.imap().login(user, "one").unwrap_err();
        assert!(refused.contains("[AUTHENTICATIONFAILED]"), "{user}: {refused}");
    }

    books.set("1", Some(&word), &[&first, &switched_off(&second)]);
    smtp.send(STRANGER, "1@a.de", "new").unwrap();
    assert_eq!(servers.arrived("1@a.de", "one", 2), ["old", "new"]);
    let refused = servers.imap().login("2@a.de", "one").unwrap_err();
    assert!(refused.contains("[AUTHENTICATIONFAILED]"), "{refused}");
}

#[test]
fn who_is_given_an_address_does_not_find_the_mail_of_who_had_it() {
    let place = Place::new();
    let mut books = Books::open(&place);
    let servers = place.start();
    let (one, two) = (secret("one", SecretForm::Plain), secret("two", SecretForm::Plain));
    books.set("1", Some(&one), &[&primary("1@a.de"), &mailbox("info@a.de")]);
    servers.smtp().send(STRANGER, "info@a.de", "for the first").unwrap();
    assert_eq!(servers.arrived("info@a.de", "one", 1), ["for the first"]);

    books.set("1", Some(&one), &[&primary("1@a.de")]);
    books.set("2", Some(&two), &[&primary("2@a.de"), &mailbox("info@a.de")]);
    assert!(servers.imap().login("info@a.de", "one").is_err());
    assert_eq!(servers.inbox("info@a.de", "two"), [""; 0]);
    servers.smtp().send(STRANGER, "info@a.de", "for the second").unwrap();
    assert_eq!(servers.arrived("info@a.de", "two", 1), ["for the second"]);
}
