//! Who may log in.

use base64ct::{Base64, Encoding as _};
use provisor_domain::portal::SecretForm;

use crate::books::{Books, mailbox, md5_hex, primary, secret};
use crate::rig::Place;

/// Signs that mean something to SQL, Lua, Dovecot's expressions or IMAP.
const PASSWORD: &str = "pä&+%41 \"'\\;x";

#[test]
fn the_customers_password_opens_all_its_mailboxes_and_its_md5_opens_none() {
    let place = Place::new();
    let mut books = Books::open(&place);
    let servers = place.start();
    let refused = |user: &str, password: &str| {
        let error = servers.imap().login(user, password).unwrap_err();
        assert!(error.contains("[AUTHENTICATIONFAILED]"), "{user}: {error}");
    };
    let (first, second) = (primary("10953@rapeedo.net"), mailbox("Info@rapeedo.net"));
    for form in [SecretForm::Md5Hex, SecretForm::Plain] {
        books.set("10953", Some(&secret(PASSWORD, form)), &[&first, &second]);
        for user in ["10953@rapeedo.net", "info@rapeedo.net", "INFO@Rapeedo.Net"] {
            servers.imap().login(user, PASSWORD).unwrap();
        }
        let digits = md5_hex(PASSWORD);
        for wrong in ["wrong", "", &digits, &digits.to_uppercase()] {
            refused("info@rapeedo.net", wrong);
        }
        refused("nobody@rapeedo.net", PASSWORD);
        refused("10953", PASSWORD);
    }
    let new = secret("new", SecretForm::Plain);
    books.set("10953", Some(&new), &[&first, &second]);
    refused("10953@rapeedo.net", PASSWORD);
    servers.imap().login("10953@rapeedo.net", "new").unwrap();
    books.set("10953", Some(&new), &[&first]);
    refused("info@rapeedo.net", "new");
    books.set("10953", None, &[&first]);
    refused("10953@rapeedo.net", "new");
}

#[test]
fn a_customer_sends_under_its_own_addresses_only() {
    let place = Place::new();
    let mut books = Books::open(&place);
    let servers = place.start();
    let word = secret(PASSWORD, SecretForm::Md5Hex);
    books.set("1", Some(&word), &[&primary("1@a.de"), &mailbox("other@a.de")]);
    books.set("2", Some(&word), &[&primary("2@a.de")]);
    let log_in = |user: &str, password: &str| {
        let mut smtp = servers.submission();
        let token = Base64::encode_string(format!("\0{user}\0{password}").as_bytes());
        smtp.command(&format!("AUTH PLAIN {token}")).map(|_| smtp)
    };
    let stranger = servers.submission().send("1@a.de", "2@a.de", "not logged in").unwrap_err();
    assert!(stranger.starts_with("554 5.7.1"), "{stranger}");
    for wrong in ["wrong", &md5_hex(PASSWORD)] {
        let refused = log_in("1@a.de", wrong).unwrap_err();
        assert!(refused.starts_with("535 5.7.8"), "{refused}");
    }
    let mut smtp = log_in("1@a.de", PASSWORD).unwrap();
    smtp.send("1@a.de", "2@a.de", "from the customer").unwrap();
    for foreign in ["2@a.de", "other@a.de", "somebody@elsewhere.example"] {
        let refused = smtp.send(foreign, "2@a.de", "a lie").unwrap_err();
        assert!(refused.starts_with("553 5.7.1"), "{foreign}: {refused}");
    }
    assert_eq!(servers.arrived("2@a.de", PASSWORD, 1), ["from the customer"]);
}
